"""The newest lines of an endpoint's logs, by deployment and by what they hold."""

from __future__ import annotations

import html

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.telemetry import LogLine
from console import topics
from console.components.markup import Html, card_head, draw, fill
from console.components.states import empty, freshness, waiting
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

EVENTS = "Events"
LONGEST_SEARCH = 100


def logs(wired: Wiring, name: str, written_by: tuple[str, ...]) -> None:
    """Events of the platform or the console of one deployment; the search runs where the log is."""
    with st.container(border=True, key="card_logs"):
        draw(card_head("Logs", f"newest {topics.LINES} lines"))
        which, holds = st.columns([0.65, 0.35], vertical_alignment="bottom")
        with which:
            sources = [EVENTS, *(one for one in written_by if one)]
            picked = st.segmented_control("Log", sources, default=EVENTS, key="log", label_visibility="collapsed")
            source = picked or EVENTS
        with holds:
            asked = st.text_input(
                "Search the log",
                key="log_search",
                placeholder="Search, for example error",
                label_visibility="collapsed",
                max_chars=LONGEST_SEARCH,
                icon=":material/search:",
            )
        search = (asked or "").strip()
        topic = topics.events(name, search=search) if source == EVENTS else topics.console_log(name, source, search)
        reading = wired.snapshots.watch(topic)
        draw(freshness(reading, utc_now()))
        if reading.value:
            draw(fill('<pre class="log" tabindex="0" aria-label="Log">{lines}</pre>', lines=_lines(reading.value)))
        elif reading.at is None:
            draw(waiting(reading, "the log"))
        elif search:
            draw(
                empty("No line holds that", "Upper and lower case are the same; seven days are searched.", "search_off")
            )
        else:
            would_be = "What the platform did with the endpoint, and what the deployments wrote."
            draw(empty("No line yet", would_be, "subject"))


def _lines(lines: tuple[LogLine, ...]) -> Html:
    newest = sorted(lines, key=lambda line: line.at, reverse=True)
    text = "\n".join(f"{line.at:%H:%M:%S} {line.deployment} {line.name} {line.message}" for line in newest)
    return Html(html.escape(Untrusted(text).lines(60_000)))
