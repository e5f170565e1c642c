"""The banner on every page while something that happened outside the console has no explanation."""

from __future__ import annotations

import streamlit as st

from console import navigation, wiring
from console.components.markup import Html, draw, fill, icon
from console.viewmodels.figures import stamp
from console.viewmodels.proof import headline
from console.viewmodels.text import Untrusted

EVERY = 15.0
"""Seconds between looks into our own database: with the worker's 20 s, an event shows well within a minute."""

PLACE = "unexplained"
"""The section of the Audit page where an event is taken and explained."""


def alarm() -> None:
    """Drawn above every page, and kept current by itself, also on a tab that has paused."""
    with st.container(key="alarm"):
        st.fragment(_look, run_every=EVERY, key="alarm_look")()


def _look() -> None:
    events = wiring.current().backend.events.unexplained()
    if not events:
        return
    newest = events[0]
    owner = f"{newest.owner} looks into it." if newest.owner else "Nobody has taken it yet."
    draw(
        fill(
            '<div class="notice bad" role="alert">{icon}<div><b>{headline}</b><p>{what} {owner} '
            "Seen first {since}. Nothing is promoted until it is explained.</p>{more}</div></div>",
            icon=icon("gpp_bad", "bad"),
            headline=headline(events),
            what=Untrusted(newest.sentence, 300),
            owner=owner,
            since=stamp(newest.first_seen),
            more=Html("<p>It is as it should be again.</p>") if newest.resolved_at else Html(""),
        )
    )
    navigation.link(navigation.AUDIT, "Take it or explain it", "alarm_link", "arrow_forward")
