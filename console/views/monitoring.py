"""Monitoring: what the endpoint answered, to whom, how fast, and from which version."""

from __future__ import annotations

import html
from datetime import datetime, timedelta

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.telemetry import LogLine, Traffic
from console import topics, wiring
from console.components.behaviour import model_behaviour
from console.components.cards import card, cards
from console.components.charts import chart
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import Html, card_head, draw, fill, join
from console.components.proof import proof_mark, proof_seal
from console.components.rail import stage_rail
from console.components.states import empty, freshness, waiting
from console.components.tables import Column, table
from console.session import signed_in, tell
from console.surroundings import surroundings
from console.viewmodels.figures import ago, stamp
from console.viewmodels.monitoring import callers, capacity_charts, charts, deployments, key_of, statuses, summaries
from console.viewmodels.stages import Stage, stages
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

WOULD_BE = "Requests, errors and latency by deployment, shaded by the version that served."


BEHAVIOUR = "Model behaviour"


def show() -> None:
    actor = signed_in()
    wired = wiring.current()
    project = wired.settings.project
    page_header("Monitoring", meta=fill("Our own probes are not counted. Times are UTC."))
    parts = ["Traffic", BEHAVIOUR]
    part = st.segmented_control(
        "Part", parts, default="Traffic", key="tab", bind="query-params", label_visibility="collapsed"
    )
    if part == BEHAVIOUR:
        tell()
        follow("monitoring behaviour", (), lambda: _newest_look(wired, project.endpoint), every=10.0)
        model_behaviour(wired, actor, project.endpoint)
        return
    place, span = st.columns([0.35, 0.65], vertical_alignment="bottom")
    with place:
        names = [project.endpoint, project.test_endpoint]
        name = st.selectbox("Endpoint", names, key="endpoint", bind="query-params") or project.endpoint
    with span:
        choice = st.segmented_control("Range", list(topics.WINDOWS), default="1 h", key="range", bind="query-params")
    seconds = topics.WINDOWS[choice or "1 h"]
    reading = wired.snapshots.watch(topics.traffic(name, seconds))
    keys = (topics.traffic(name, seconds).key,)
    follow(f"monitoring {name} {seconds}", keys, lambda: proof_mark(wired, name), every=5.0)
    tell()
    stage_rail(stages(surroundings(wired)), Stage.MONITORING)
    draw(proof_seal(wired, name))
    draw(freshness(reading, utc_now()))
    traffic = reading.value
    if traffic is None:
        draw(card("Traffic", waiting(reading, "the traffic") or empty("Nothing read yet", WOULD_BE, "cloud_off")))
        end = utc_now()
        window = (end - timedelta(seconds=seconds), end)
    else:
        _until(traffic)
        _traffic(wired, traffic, production=name == project.endpoint)
        window = (traffic.start, traffic.end)
    _capacity(wired, name, seconds, window)
    _logs(wired, name, deployments(traffic) if traffic else ())


def _newest_look(wired: Wiring, endpoint: str) -> tuple[object, ...]:
    """Changes when the worker has looked again, or somebody has decided about a retraining."""
    found, proposals = wired.backend.behaviour.newest(endpoint), wired.backend.behaviour.proposals(endpoint)
    return (found.at if found else None, *((one.id, one.state) for one in proposals))


def _until(traffic: Traffic) -> None:
    """How far the data reaches: logs arrive later than calls."""
    until = traffic.data_until
    words = (
        f"Data until {stamp(until)}, {ago(until, utc_now())}." if until else "No call has been logged in this window."
    )
    draw(fill('<p class="quiet data-until">{words}</p>', words=words))


def _traffic(wired: Wiring, traffic: Traffic, *, production: bool) -> None:
    if not traffic.points:
        draw(card("Traffic", empty("No calls in this window", WOULD_BE, "monitoring")))
        return
    telemetry = wired.backend.telemetry
    marks = telemetry.marks(traffic.start, traffic.end) if production else ()
    serving = telemetry.serving(traffic.start, traffic.end) if production else ()
    drawn = charts(traffic, marks, serving)
    _key(key_of(traffic, marks, serving))
    for row in (drawn[:2], drawn[2:]):
        for column, content in zip(st.columns(len(row)), row, strict=True):
            with column, st.container(border=True, key=f"card_{content.name}"):
                draw(card_head(content.title, content.note or content.unit))
                chart(content)
    numbers = ("Requests", "Errors", "Error rate", "p50 ms", "p95 ms", "p99 ms")
    by_deployment = table((Column("Deployment"), *(Column(n, number=True) for n in numbers)), summaries(traffic))
    codes = (Column("Deployment"), Column("Code"), Column("Reason"), Column("Requests", number=True))
    agents = (Column("User-Agent"), Column("Requests", number=True))
    draw(
        cards(
            (
                card("By deployment", by_deployment, note="whole window", width=12, name="summary"),
                card("Status codes", table(codes, statuses(traffic)), note="424 is the model's own refusal", width=6),
                card("Callers", table(agents, callers(traffic)), note="by User-Agent", width=6, name="callers"),
            )
        )
    )


def _key(entries: tuple[tuple[str, str], ...]) -> None:
    words = join(fill("<li><b>{sign}</b> {text}</li>", sign=sign, text=Untrusted(text, 400)) for sign, text in entries)
    draw(fill('<ul class="key" aria-label="Marks and shades in the charts">{words}</ul>', words=words))


def _capacity(wired: Wiring, name: str, seconds: int, window: tuple[datetime, datetime]) -> None:
    reading = wired.snapshots.watch(topics.capacity(name, seconds))
    draw(freshness(reading, utc_now()))
    if reading.at is None:
        draw(card("Capacity", waiting(reading, "the capacity") or empty("Nothing read yet", "", "cloud_off")))
        return
    if not reading.value:
        would_be = "CPU, memory and instances, a point per minute, as Azure Monitor measures them."
        draw(card("Capacity", empty("No platform metric yet", would_be, "memory")))
        return
    drawn = capacity_charts(reading.value, *window)
    for column, content in zip(st.columns(len(drawn)), drawn, strict=True):
        with column, st.container(border=True, key=f"card_{content.name}"):
            draw(card_head(content.title, content.note or content.unit))
            chart(content)


def _logs(wired: Wiring, name: str, written_by: tuple[str, ...]) -> None:
    with st.container(border=True, key="card_logs"):
        draw(card_head("Logs", "newest 200 lines"))
        sources = ["Events", *written_by]
        source = (
            st.segmented_control("Log", sources, default="Events", key="log", label_visibility="collapsed") or "Events"
        )
        topic = topics.events(name) if source == "Events" else topics.console_log(name, source)
        reading = wired.snapshots.watch(topic)
        draw(freshness(reading, utc_now()))
        if reading.value:
            draw(fill('<pre class="log" tabindex="0" aria-label="Log">{lines}</pre>', lines=_lines(reading.value)))
        elif reading.at is None:
            draw(waiting(reading, "the log"))
        else:
            would_be = "What the platform did with the endpoint, and what the deployments wrote."
            draw(empty("No line yet", would_be, "subject"))


def _lines(lines: tuple[LogLine, ...]) -> Html:
    newest = sorted(lines, key=lambda line: line.at, reverse=True)
    text = "\n".join(f"{line.at:%H:%M:%S} {line.deployment} {line.name} {line.message}" for line in newest)
    return Html(html.escape(Untrusted(text).lines(60_000)))


show()
