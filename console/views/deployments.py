"""Deployments: production as it is, a decision to take, or a promotion to follow."""

from __future__ import annotations

import streamlit as st

from backend.errors import NotFound
from console import navigation, wiring
from console.components.header import page_header
from console.components.markup import draw
from console.components.states import empty
from console.session import parameter, signed_in
from console.viewmodels.text import Untrusted
from console.views.deployments_decision import show_decision
from console.views.deployments_home import show_home
from console.views.deployments_tracker import show_tracker

actor = signed_in()
promotion_id, version = parameter("promotion"), parameter("version")
wired = wiring.current()

if promotion_id:
    try:
        chosen = wired.backend.promotions.get(promotion_id)
    except NotFound as unknown:
        page_header("Promotion", parent=navigation.DEPLOYMENTS, here=Untrusted(promotion_id, 40))
        draw(empty("No such promotion", str(unknown), "help"))
        st.stop()
    show_tracker(wired, actor, chosen)
elif version:
    active = wired.backend.promotions.active(wired.settings.project.endpoint)
    if active is not None and active.target.version == version:
        st.query_params.clear()
        st.query_params["promotion"] = active.id
        show_tracker(wired, actor, active)
    else:
        show_decision(wired, actor, version)
else:
    show_home(wired, actor)
