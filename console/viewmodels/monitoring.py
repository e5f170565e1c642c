"""Telemetry as charts and rows, by deployment, gaps as gaps."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from backend.domain.telemetry import CapacityPoint, ErrorClass, Mark, Serving, Traffic, TrafficPoint
from console.viewmodels.figures import clock, milliseconds, share
from console.viewmodels.series import Chart, Series, bands, mark_lines
from console.viewmodels.text import Untrusted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REFUSED = "no deployment"
"""Whose name Azure leaves empty: a call that the endpoint refused itself, without a key or too large."""
Pick = Callable[[TrafficPoint], float | None]


def deployments(traffic: Traffic) -> tuple[str, ...]:
    """In the order of their first call, so that a deployment keeps its colour."""
    first: dict[str, datetime] = {}
    for point in traffic.points:
        first[point.deployment] = min(first.get(point.deployment, point.at), point.at)
    return tuple(sorted(first, key=lambda name: (first[name], name)))


def bins(traffic: Traffic) -> tuple[datetime, ...]:
    """Every bin from the first to the last that was measured: a hole between them must be drawn as a gap."""
    if not traffic.points:
        return ()
    measured = [point.at for point in traffic.points]
    first, width = min(measured), timedelta(seconds=traffic.bin_seconds)
    return tuple(first + index * width for index in range((max(measured) - first) // width + 1))


BARS = 200
"""More bars than this are thinner than a pixel or two, and cost the browser an element each: then a line says it."""

CLASSES = (
    (ErrorClass.PLATFORM, "platform, 5xx", 3),
    (ErrorClass.MODEL, "model, 424 and 408", 1),
    (ErrorClass.THROTTLED, "throttled, 429", 4),
    (ErrorClass.CALLER, "caller, other 4xx", 5),
)
"""Each with its words and its colour, which no deployment's chart takes in this order."""


def charts(
    traffic: Traffic,
    marks: tuple[Mark, ...],
    serving: tuple[Serving, ...],
    labels: Mapping[str, str] | None = None,
    before: Traffic | None = None,
) -> tuple[Chart, ...]:
    """Requests, errors by whose word they are, the three percentiles of latency, and what was held back.

    `labels` are the names of deployments with their parts; `before` is the same window earlier, drawn beneath in grey.
    """
    named = _Named(labels or {}, before)
    drawn = (
        _chart("requests", "Requests", traffic, lambda p: p.requests, "requests", named, bars=True),
        _errors(traffic),
        _chart("p50", "Latency, p50", traffic, lambda p: p.p50_ms, "ms", named),
        _chart("p95", "Latency, p95", traffic, lambda p: p.p95_ms, "ms", named),
        _chart("p99", "Latency, p99", traffic, lambda p: p.p99_ms, "ms", named),
        _chart("throttling", "Held back, per call", traffic, _held_back, "ms", named),
    )
    return with_past(drawn, marks, serving, traffic.start, traffic.end)


def with_past(
    drawn: tuple[Chart, ...], marks: tuple[Mark, ...], serving: tuple[Serving, ...], start: datetime, end: datetime
) -> tuple[Chart, ...]:
    """Each chart shaded by who served, with the numbers of what was done."""
    shade = tuple(replace(band, name="") for band in bands(serving, start, end))
    done = mark_lines(marks, start, end)
    lines = tuple(replace(mark, text=str(number)) for number, mark in enumerate(done, start=1))
    return tuple(replace(chart, bands=shade, marks=lines) for chart in drawn)


def _held_back(point: TrafficPoint) -> float | None:
    """Milliseconds that a call waited because of a limit on rate or bandwidth, on the average of its bin."""
    return point.delay_ms / point.requests if point.requests else None


def only(traffic: Traffic, chosen: Collection[str]) -> Traffic:
    """What concerns these deployments; all of it where none is chosen."""
    if not chosen:
        return traffic
    return traffic.model_copy(
        update={
            "points": tuple(p for p in traffic.points if p.deployment in chosen),
            "summaries": tuple(s for s in traffic.summaries if s.deployment in chosen),
            "statuses": tuple(s for s in traffic.statuses if s.deployment in chosen),
        }
    )


def _errors(traffic: Traffic) -> Chart:
    """Every call that did not succeed, once, by whose word it was; a class that did not occur is left out."""
    grid = bins(traffic)
    bars = len(grid) <= BARS
    series = []
    for kind, words, colour in CLASSES:
        at: dict[datetime, float | None] = {}
        for point in traffic.points:
            at[point.at] = (at.get(point.at) or 0) + point.of(kind)
        if any(at.values()):
            series.append(Series(words, grid, tuple(map(at.get, grid)), style=colour, bars=bars))
    if grid and not series:
        calm = {point.at for point in traffic.points}
        series = [Series("no error", grid, tuple(0.0 if moment in calm else None for moment in grid), bars=bars)]
    return Chart(
        name="errors", title="Errors by cause", series=tuple(series), unit="calls", start=traffic.start,
        end=traffic.end, height=190,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Named:
    labels: Mapping[str, str]
    before: Traffic | None


def key_of(traffic: Traffic, marks: tuple[Mark, ...], serving: tuple[Serving, ...]) -> tuple[tuple[str, str], ...]:
    """What the numbers and the shades of all charts mean: five small charts have no room for the words."""
    now = traffic.end
    done = mark_lines(marks, traffic.start, traffic.end)
    told = [(str(number), f"{clock(mark.at, now)} {mark.text}") for number, mark in enumerate(done, start=1)]
    spans = bands(serving, traffic.start, traffic.end)
    words = [f"{band.name} from {clock(band.start, now)}" for band in spans]
    return (*told, ("Served", ", ".join(words))) if words else tuple(told)


def _chart(
    name: str, title: str, traffic: Traffic, pick: Pick, unit: str, named: _Named, *, bars: bool = False
) -> Chart:
    grid = bins(traffic)
    drawn_as_bars = bars and len(grid) <= BARS
    at: dict[str, dict[datetime, float | None]] = {deployment: {} for deployment in deployments(traffic)}
    for point in traffic.points:
        at[point.deployment][point.at] = pick(point)
    series = [
        Series(
            named.labels.get(deployment, deployment) or REFUSED, grid, tuple(map(measured.get, grid)), style=style,
            bars=drawn_as_bars,
        )
        for style, (deployment, measured) in enumerate(at.items())
    ]  # fmt: skip
    if named.before is not None:
        series.append(_earlier(traffic, named.before, pick, add=bars))
    return Chart(
        name=name, title=title, series=tuple(series), unit=unit, start=traffic.start, end=traffic.end, height=190
    )


EARLIER = 5
"""The style of what was before: grey, and a dash of its own."""


def _earlier(traffic: Traffic, before: Traffic, pick: Pick, *, add: bool) -> Series:
    """The window before, moved onto this one: counts of all deployments together, else those of the busiest."""
    shift = traffic.start - before.start
    counted: dict[datetime, list[tuple[int, float | None]]] = {}
    for point in before.points:
        counted.setdefault(point.at + shift, []).append((point.requests, pick(point)))
    grid = tuple(moment + shift for moment in bins(before))
    values = tuple(_together(counted.get(moment, []), add=add) for moment in grid)
    return Series("before", grid, values, style=EARLIER)


def _together(found: list[tuple[int, float | None]], *, add: bool) -> float | None:
    if not found:
        return None
    return sum(value or 0 for _, value in found) if add else max(found, key=lambda one: one[0])[1]


CAPACITY_POINTS = 120
"""A capacity chart is about 300 pixels wide: more points than this are not seen, only sent and drawn."""


def capacity_charts(
    points: tuple[CapacityPoint, ...], start: datetime, end: datetime, labels: Mapping[str, str] | None = None
) -> tuple[Chart, ...]:
    """CPU, memory and instances; in a long window each point is the highest of its minutes."""
    picks: tuple[tuple[str, str, Callable[[CapacityPoint], float | None], str], ...] = (
        ("cpu", "CPU", lambda p: p.cpu_percent, "%"),
        ("memory", "Memory", lambda p: p.memory_percent, "%"),
        ("capacity", "Capacity", lambda p: p.capacity, "instances"),
    )
    minutes = max(1, math.ceil((end - start) / timedelta(minutes=CAPACITY_POINTS)))
    stretches = _stretches(points, timedelta(minutes=minutes))
    drawn = []
    for name, title, pick, unit in picks:
        series = tuple(
            Series(
                (labels or {}).get(deployment, deployment),
                tuple(parts),
                tuple(_highest(map(pick, part)) for part in parts.values()),
                style=style,
            )
            for style, (deployment, parts) in enumerate(sorted(stretches.items()))
        )
        note = f"{unit}, highest of {minutes} min" if minutes > 1 else unit
        if not any(y is not None for one in series for y in one.y):
            note = f"{unit}, no sample yet"
        drawn.append(
            Chart(name=name, title=title, series=series, unit=unit, note=note, start=start, end=end, height=170)
        )
    return tuple(drawn)


def _stretches(points: tuple[CapacityPoint, ...], width: timedelta) -> dict[str, dict[datetime, list[CapacityPoint]]]:
    """The points of each deployment by the stretch of the clock that they fall into."""
    found: dict[str, dict[datetime, list[CapacityPoint]]] = {}
    for point in points:
        start = point.at - (point.at - EPOCH) % width
        found.setdefault(point.deployment, {}).setdefault(start, []).append(point)
    return found


def _highest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def summaries(traffic: Traffic, labels: Mapping[str, str] | None = None) -> list[tuple[str, ...]]:
    names = labels or {}
    return [
        (
            names.get(s.deployment, s.deployment) or REFUSED,
            f"{s.requests:,}",
            f"{s.errors:,}",
            f"{share(s.errors, s.requests)} %" if s.requests else "–",
            milliseconds(s.p50_ms),
            milliseconds(s.p95_ms),
            milliseconds(s.p99_ms),
        )
        for s in traffic.summaries
    ]


def statuses(traffic: Traffic) -> list[tuple[str, str, str, Untrusted, str]]:
    """Most frequent first; a reason is the model's own text."""
    found = sorted(traffic.statuses, key=lambda s: -s.requests)
    return [
        (
            s.deployment or REFUSED,
            str(s.code),
            s.kind.value if s.kind else "–",
            Untrusted(s.reason or "–", 160),
            f"{s.requests:,}",
        )
        for s in found
    ]


def callers(traffic: Traffic) -> list[tuple[Untrusted, str]]:
    found = sorted(traffic.callers, key=lambda c: -c.requests)
    return [(Untrusted(c.user_agent or "no User-Agent", 120), f"{c.requests:,}") for c in found[:12]]
