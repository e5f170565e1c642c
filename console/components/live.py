"""Two-step polling: a small fragment watches version numbers and redraws the page only when one has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.value import Reading
from console import wiring
from console.components.markup import Html, draw, fill, join
from console.viewmodels.figures import age

FAST, CALM = 2.0, 10.0
_DIALOG = "dialog_open"


def follow(page: str, keys: tuple[str, ...], marks: Callable[[], Hashable] = lambda: 0, *, every: float = CALM) -> None:
    """Keep the page current and say how old each source's answer is.

    `keys` name the topics that the page shows; `marks` reads our own database, cheaply. Which services are down
    belongs to every page: the menu tells it.
    """
    hold_still(False)
    snapshots = wiring.current().snapshots

    def standing() -> tuple[object, ...]:
        down = tuple(source for source, health in snapshots.health().items() if health.problem)
        return page, snapshots.versions(keys), down, marks()

    st.session_state["followed"] = standing()

    def watch() -> None:
        now = standing()
        draw(_ages(snapshots.readings(keys), utc_now()))
        if now != st.session_state.get("followed") and not st.session_state.get(_DIALOG):
            st.session_state["followed"] = now
            st.rerun()

    with st.container(key="live_line"):
        st.fragment(watch, run_every=every, key="live")()


def hold_still(still: bool) -> None:
    """While a dialog is open the page is not redrawn: that would close it."""
    st.session_state[_DIALOG] = still


def _ages(readings: tuple[Reading[object], ...], now: datetime) -> Html:
    by_source: dict[str, Reading[object]] = {}
    for reading in readings:
        known = by_source.get(reading.source)
        if known is None or reading.at is None or (known.at is not None and reading.at < known.at):
            by_source[reading.source] = reading
    parts = [_age(reading, now) for reading in by_source.values()]
    return fill('<p class="quiet">{parts}</p>', parts=join(parts, " · ")) if parts else Html("")


def _age(reading: Reading[object], now: datetime) -> Html:
    words = f"{reading.source} {age(reading, now)}"
    if reading.problem:
        return fill('<span class="warn">{words}, not answering</span>', words=words)
    return fill("<span>{words}</span>", words=words)
