"""Monitoring: what the endpoint answered, how its model behaves, and what was found wrong with it."""

from __future__ import annotations

import streamlit as st

from console import wiring
from console.components.header import page_header
from console.components.markup import fill
from console.session import signed_in, tell
from console.viewmodels.figures import plural
from console.views.monitoring_alerts import show_alerts
from console.views.monitoring_behaviour import show_behaviour
from console.views.monitoring_traffic import show_traffic

SECTIONS = {"Traffic": show_traffic, "Behaviour": show_behaviour, "Alerts": show_alerts}
FIRST = "Traffic"

actor = signed_in()
wired = wiring.current()
firing = sum(alert.firing for alert in wired.backend.alerts.standing())
alerts = f"{plural(firing, 'alert')} {'fires' if firing == 1 else 'fire'}." if firing else "No alert fires."
page_header("Monitoring", meta=fill("Our own probes are not counted. Times are UTC. {alerts}", alerts=alerts))
section = st.segmented_control(
    "Section",
    list(SECTIONS),
    default=FIRST,
    key="section",
    bind="query-params",
    label_visibility="collapsed",
)
tell()
SECTIONS[section or FIRST](wired, actor)
