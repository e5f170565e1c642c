"""Two-step polling: a small fragment watches version numbers and redraws the page only when one has changed.

A tab that nobody touches stops polling after a while and says how old its numbers are; it goes on at a click.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.value import Reading
from console import wiring
from console.components.markup import Html, draw, fill, join
from console.viewmodels.figures import age
from console.viewmodels.idleness import IDLE_SECONDS, idle, paused_line

AT_ONCE, FAST, CALM = 1.0, 2.0, 10.0
"""Between two looks at version numbers in this process's memory; AT_ONCE where GitHub tells of news by itself."""
PAUSED = 60.0
"""A paused tab only rewrites its one line: it reads nothing and keeps no topic fresh."""
_DIALOG, _TOUCHED, _OURS, _FOLLOWED = "dialog_open", "live_touched", "live_redraws", "followed"


def follow(
    page: str,
    keys: tuple[str, ...],
    marks: Callable[[], Hashable] = lambda: 0,
    *,
    every: float = CALM,
    patience: float = IDLE_SECONDS,
) -> None:
    """Keep the page current and say how old each source's answer is.

    `keys` name the topics that the page shows; `marks` reads our own database, cheaply. Which services are down
    belongs to every page: the menu tells it. After `patience` seconds without a click here the tab pauses.
    """
    hold_still(False)
    snapshots = wiring.current().snapshots
    drawn_at = utc_now()
    touched = _last_touch(drawn_at)
    held = min((r.at for r in snapshots.readings(keys) if r.at), default=drawn_at)

    def standing() -> tuple[object, ...]:
        down = tuple(source for source, health in snapshots.health().items() if health.problem)
        # Ages are words on the page: they are written anew each minute though nothing else has changed.
        return page, snapshots.versions(keys), down, marks(), int(utc_now().timestamp() // 60)

    just_drawn = True

    def watch() -> None:
        nonlocal just_drawn
        now = utc_now()
        if idle(touched, now, patience) and not st.session_state.get(_DIALOG):
            _redraw()
        draw(_ages(snapshots.readings(keys), now))
        if just_drawn:
            just_drawn = False  # the page's own run calls this too, in the moment it was drawn
        elif standing() != st.session_state.get(_FOLLOWED) and not st.session_state.get(_DIALOG):
            _redraw()

    def rest() -> None:
        with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="xsmall"):
            words = fill('<p class="quiet" role="status">{words}</p>', words=paused_line(held, utc_now()))
            st.html(words, width="content")
            resumed = st.button("Resume", key="live_resume", type="tertiary", on_click=snapshots.refresh, args=keys)
        if resumed:
            st.session_state[_TOUCHED] = utc_now()
            _redraw()

    paused = idle(touched, drawn_at, patience)
    st.session_state[_FOLLOWED] = standing()
    with st.container(key="live_paused" if paused else "live_line"):
        if paused:
            st.fragment(rest, run_every=PAUSED, key="rest")()
        else:
            st.fragment(watch, run_every=every, key="live")()


def hold_still(still: bool) -> None:
    """While a dialog is open the page is not redrawn: that would close it."""
    st.session_state[_DIALOG] = still


def _redraw() -> None:
    """Run the page again of ourselves, which is no sign of a person."""
    st.session_state[_OURS] = True
    st.rerun()


def _last_touch(now: datetime) -> datetime:
    """When a person last did something in this tab: every run that we have not asked for is one."""
    ours = st.session_state.pop(_OURS, False)
    if not ours or _TOUCHED not in st.session_state:
        st.session_state[_TOUCHED] = now
    touched: datetime = st.session_state[_TOUCHED]
    return touched


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
