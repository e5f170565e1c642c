"""What fires and nobody has acknowledged, on every page; nothing while all is calm."""

from __future__ import annotations

import streamlit as st

from backend.domain.alerts import AlertState
from backend.domain.objectives import Severity
from console import navigation, wiring
from console.components.markup import draw, fill, icon
from console.viewmodels.alerts import groups
from console.viewmodels.text import Untrusted

EVERY = 15.0


def alert_strip() -> None:
    """Drawn above every page, and kept current by itself."""
    with st.container(key="alert_strip"):
        st.fragment(_look, run_every=EVERY, key="alert_look")()


def _look() -> None:
    standing = wiring.current().backend.alerts.standing()
    loud = [
        alert
        for alert in standing
        if alert.firing and alert.severity is Severity.PAGE and alert.state is AlertState.OPEN and not alert.silenced
    ]
    if not loud:
        return
    first = groups(loud)[0].head
    others = f" and {len(loud) - 1} more" if len(loud) > 1 else ""
    draw(
        fill(
            '<div class="notice bad" role="alert">{icon}<div><b>{title}{others}</b><p>{words} '
            "Nobody has acknowledged it.</p></div></div>",
            icon=icon("notification_important", "bad"),
            title=Untrusted(f"Alert: {first.title}", 120),
            others=others,
            words=Untrusted(first.words, 300),
        )
    )
    navigation.link(navigation.MONITORING, "Look after it", "alert_link", "arrow_forward", section="Alerts")
