"""Deployments: production as it is, a decision to take, or a promotion to follow."""

from __future__ import annotations

import streamlit as st

from console import wiring
from console.session import parameter, signed_in
from console.views.deployments_decision import show_decision
from console.views.deployments_home import show_home
from console.views.deployments_tracker import show_tracker

actor = signed_in()
promotion_id, version = parameter("promotion"), parameter("version")
wired = wiring.current()

if promotion_id:
    show_tracker(wired, actor, wired.backend.promotions.get(promotion_id))
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
