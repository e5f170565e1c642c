"""The Traffic section: requests, errors, latency and capacity by deployment, shaded by the version that served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.people import Actor
from backend.domain.setup import PlannedResource
from backend.domain.telemetry import CapacityPoint, Mark, Serving, Traffic
from backend.domain.value import Reading
from console import navigation, topics
from console.components.cards import card, cards
from console.components.chart_card import chart_card
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.live import follow
from console.components.logs import logs
from console.components.markup import Html, draw, fill, join
from console.components.proof import proof_mark, proof_seal
from console.components.rail import stage_rail
from console.components.states import empty, freshness, notice, waiting
from console.components.tables import Column, table
from console.session import parameter
from console.snapshots import Topic
from console.surroundings import surroundings
from console.viewmodels.alerts import missing_diagnostics, what_is_missing
from console.viewmodels.figures import ago, clock, stamp
from console.viewmodels.monitoring import (
    callers,
    capacity_charts,
    charts,
    deployments,
    key_of,
    only,
    statuses,
    summaries,
    with_past,
)
from console.viewmodels.roles import labels_of, parts_of
from console.viewmodels.series import Chart
from console.viewmodels.stages import Stage, stages
from console.viewmodels.text import Untrusted
from console.viewmodels.window import SHIFTS, Stretch, brushed, stretch_of
from console.wiring import Wiring

WOULD_BE = "Requests, errors and latency by deployment, shaded by the version that served."
DEFAULT = "1 h"
NO_COMPARISON = "nothing"
ROW = 3
"""Charts beside each other: readable at 1100 pixels."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is looked at: an endpoint, over the last `seconds` or over a stretch of its own, beside `before`."""

    name: str
    seconds: int
    stretch: Stretch | None
    before: timedelta | None

    @property
    def traffic(self) -> Topic[Traffic]:
        between = self.stretch is not None
        return topics.traffic_between(self.name, self.stretch) if between else topics.traffic(self.name, self.seconds)  # type: ignore[arg-type]

    @property
    def capacity(self) -> Topic[tuple[CapacityPoint, ...]]:
        if self.stretch is not None:
            return topics.capacity_between(self.name, self.stretch)
        return topics.capacity(self.name, self.seconds)

    @property
    def earlier(self) -> Topic[Traffic] | None:
        if self.before is None:
            return None
        if self.stretch is not None:
            return topics.traffic_between(
                self.name, Stretch(self.stretch.start - self.before, self.stretch.end - self.before)
            )
        return topics.traffic_before(self.name, self.seconds, self.before)


def show_traffic(wired: Wiring, actor: Actor) -> None:
    sight = _sight(wired)
    reading = wired.snapshots.watch(sight.traffic)
    capacity = wired.snapshots.watch(sight.capacity)
    follow(
        f"monitoring {sight}",
        (sight.traffic.key, sight.capacity.key),
        lambda: proof_mark(wired, sight.name),
        every=5.0,
    )
    stage_rail(stages(surroundings(wired)), Stage.MONITORING)
    draw(proof_seal(wired, sight.name))
    missing = missing_diagnostics(wired.snapshots.watch(topics.plan()).value, sight.name)
    if missing is not None:
        _diagnostics(wired, actor, missing)
    draw(freshness(reading, utc_now()))
    traffic = reading.value
    names = deployments(traffic) if traffic else ()
    if traffic is None:
        draw(card("Traffic", waiting(reading, "the traffic") or empty("Nothing read yet", WOULD_BE, "cloud_off")))
        end = utc_now()
        window = (end - timedelta(seconds=sight.seconds), end)
    else:
        _until(sight, traffic)
        _traffic(wired, sight, traffic)
        window = (traffic.start, traffic.end)
    _capacity(wired, sight, capacity, window)
    navigation.link(navigation.CONTRACT, "What its callers may rely on", "to_contract", "api", endpoint=sight.name)
    logs(wired, sight.name, names)


def _sight(wired: Wiring) -> Sight:
    """The controls, and what they choose; a stretch of the URL goes before the range."""
    project = wired.settings.project
    place, span, compare = st.columns([0.27, 0.5, 0.23], vertical_alignment="bottom")
    with place:
        names = [project.endpoint, project.test_endpoint]
        name = st.selectbox("Endpoint", names, key="endpoint", bind="query-params") or project.endpoint
    with span:
        choice = st.segmented_control(
            "Range", list(topics.WINDOWS), default=DEFAULT, key="range", bind="query-params", on_change=_leave_stretch
        )
    with compare:
        beside = st.selectbox("Compare with", [NO_COMPARISON, *SHIFTS], key="beside", bind="query-params")
    stretch = stretch_of(parameter("from"), parameter("to"))
    if stretch is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="stretch"):
            now = utc_now()
            words = f"{clock(stretch.start, now)} to {clock(stretch.end, now)}"
            st.html(f'<p class="quiet" role="status">Showing {words}</p>', width="content")
            st.button(f"Back to the last {choice or DEFAULT}", key="unzoom", type="tertiary", on_click=_leave_stretch)
    return Sight(name, topics.WINDOWS[choice or DEFAULT], stretch, SHIFTS.get(beside or ""))


def _leave_stretch() -> None:
    for part in ("from", "to", "chart"):
        st.query_params.pop(part, None)


def _brush(key: str) -> None:
    """Show the stretch that was drawn over one chart on all of them."""
    selected = st.session_state.get(key)
    boxes = selected["selection"]["box"] if selected else []
    stretch = brushed(list(boxes[0]["x"])) if boxes else None
    if stretch is not None:
        st.query_params.update(stretch.address)


def _until(sight: Sight, traffic: Traffic) -> None:
    """How far the data reaches: logs arrive later than calls."""
    until = traffic.data_until
    words = (
        f"Data until {stamp(until)}, {ago(until, utc_now())}." if until else "No call has been logged in this window."
    )
    brush = " Draw over a chart to look closer." if until and not sight.stretch else ""
    draw(fill('<p class="quiet data-until">{words}{brush}</p>', words=words, brush=brush))


def _past(
    wired: Wiring, sight: Sight, window: tuple[datetime, datetime]
) -> tuple[tuple[Mark, ...], tuple[Serving, ...]]:
    """What was done to production in the window, and who served; the test endpoint has no such history."""
    if sight.name != wired.settings.project.endpoint:
        return (), ()
    telemetry = wired.backend.telemetry
    return telemetry.marks(*window), telemetry.serving(*window)


def _labels(wired: Wiring, sight: Sight, names: tuple[str, ...]) -> dict[str, str]:
    endpoint = wired.snapshots.watch(topics.endpoint(sight.name)).value
    stable = wired.backend.promotions.stable() if sight.name == wired.settings.project.endpoint else ""
    return labels_of(parts_of(endpoint, stable, names), names)


def _traffic(wired: Wiring, sight: Sight, traffic: Traffic) -> None:
    if not traffic.points:
        draw(card("Traffic", empty("No calls in this window", WOULD_BE, "monitoring")))
        return
    marks, serving = _past(wired, sight, (traffic.start, traffic.end))
    names = deployments(traffic)
    labels = _labels(wired, sight, names)
    shown = only(traffic, _chosen(names, labels))
    earlier = wired.snapshots.watch(sight.earlier) if sight.earlier else None
    if earlier is not None and earlier.value is None:
        draw(waiting(earlier, "what was before"))
    before = earlier.value if earlier else None
    keys = (sight.traffic.key, *([sight.earlier.key] if sight.earlier else []))
    told = (id(wired.snapshots), keys, wired.snapshots.versions(keys), traffic.start, len(shown.points))
    key = hash((told, marks, serving, tuple(labels.items()), deployments(shown)))
    drawn = _drawn(key, shown, marks, serving, labels, before)
    _key(key_of(traffic, marks, serving))
    _wall(drawn)
    _tables(shown, labels)


@st.cache_resource(max_entries=32, show_spinner=False)
def _drawn(
    key: int,  # noqa: ARG001  # what tells one set of charts from another
    _traffic: Traffic,
    _marks: tuple[Mark, ...],
    _serving: tuple[Serving, ...],
    _labels: dict[str, str],
    _before: Traffic | None,
) -> tuple[Chart, ...]:
    """The charts, built once for each answer of the source and shared by all tabs that show it."""
    return charts(_traffic, _marks, _serving, _labels, _before)


def _chosen(names: tuple[str, ...], labels: dict[str, str]) -> tuple[str, ...]:
    """Which deployments are shown; all where none is chosen, and no choice where there is only one."""
    if len(names) < 2:
        return ()
    chosen = st.pills(
        "Deployments", list(names), selection_mode="multi", key="deployments", label_visibility="collapsed",
        format_func=lambda name: labels.get(name, name) or "no deployment",
    )  # fmt: skip
    return tuple(name for name in chosen or () if name in names)


def _wall(drawn: tuple[Chart, ...]) -> None:
    """Three in a row; the one that a link names stands alone above all."""
    named = parameter("chart")
    first = next((chart for chart in drawn if chart.name == named), None)
    if first is not None:
        chart_card(first, _brush, chosen=True)
    rest = [chart for chart in drawn if chart is not first]
    for begin in range(0, len(rest), ROW):
        row = rest[begin : begin + ROW]
        for column, content in zip(st.columns(len(row)), row, strict=True):
            with column:
                chart_card(content, _brush)


def _tables(traffic: Traffic, labels: dict[str, str]) -> None:
    numbers = ("Requests", "Errors", "Error rate", "p50 ms", "p95 ms", "p99 ms")
    heads = (Column("Deployment"), *(Column(n, number=True) for n in numbers))
    by_deployment = table(heads, summaries(traffic, labels))
    codes = (
        Column("Deployment"),
        Column("Code"),
        Column("Whose"),
        Column("Reason"),
        Column("Requests", number=True),
    )
    agents = (Column("User-Agent"), Column("Requests", number=True))
    draw(
        cards(
            (
                card("By deployment", by_deployment, note="whole window", width=12, name="summary"),
                card("Status codes", table(codes, statuses(traffic)), note="424: see whose word it was", width=7),
                card("Callers", table(agents, callers(traffic)), note="by User-Agent", width=5, name="callers"),
            )
        )
    )


def _key(entries: tuple[tuple[str, str], ...]) -> None:
    words = join(fill("<li><b>{sign}</b> {text}</li>", sign=sign, text=Untrusted(text, 400)) for sign, text in entries)
    draw(fill('<ul class="key" aria-label="Marks and shades in the charts">{words}</ul>', words=words))


def _capacity(
    wired: Wiring, sight: Sight, reading: Reading[tuple[CapacityPoint, ...]], window: tuple[datetime, datetime]
) -> None:
    draw(freshness(reading, utc_now()))
    if reading.at is None:
        draw(card("Capacity", waiting(reading, "the capacity") or empty("Nothing read yet", "", "cloud_off")))
        return
    points = reading.value or ()
    if all(point.cpu_percent is None and point.memory_percent is None for point in points):
        would_be = "CPU, memory and instances, a point per minute, as Azure Monitor measures them."
        draw(card("Capacity", empty("No platform metric yet", would_be, "memory")))
        return
    names = tuple(sorted({point.deployment for point in points}))
    drawn = capacity_charts(points, *window, _labels(wired, sight, names))
    drawn = with_past(drawn, *_past(wired, sight, window), *window)
    for column, content in zip(st.columns(len(drawn)), drawn, strict=True):
        with column:
            chart_card(content, _brush)


def _diagnostics(wired: Wiring, actor: Actor, missing: PlannedResource) -> None:
    """What is missing for Azure to log anything, and the button that sets it up."""
    draw(notice("Azure does not log all of this endpoint", what_is_missing(missing), "warn", "sensors_off"))
    asked = next((f for f in wired.backend.setup.findings() if f.resource == missing.key and f.fix.value), None)
    said = "The worker has been asked." if asked is not None and asked.fix.value == "wanted" else ""
    if asked is not None and asked.fix_outcome:
        draw(fill('<p class="quiet">{outcome}</p>', outcome=Untrusted(asked.fix_outcome, 400)))
    with st.container(width=260):
        if action("Set it up…", key="set_up_logs", refusal=wired.backend.setup.refusal(actor) or said, symbol="build"):
            open_dialog("Set up the logs", lambda: _set_up(wired, actor, missing))


def _set_up(wired: Wiring, actor: Actor, missing: PlannedResource) -> None:
    changes = [(field.name, field.now or "nothing", field.declared) for field in missing.differing]
    confirm_body(
        changes or [("Diagnostic setting", "none", "as declared")],
        Html(
            "<p>The worker makes the diagnostic setting as declared, with its own rights. Lines come within minutes "
            "after that; what was before is not logged.</p>"
        ),
        form="set_up_logs",
        label="Set it up",
        reason="",
        done="The worker has been asked.",
        wish=lambda _, reason: wired.backend.setup.make(actor, missing, reason),
    )
