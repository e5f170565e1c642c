"""Telemetry as charts and rows, by deployment, gaps as gaps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from backend.domain.telemetry import CapacityPoint, Mark, Serving, Traffic, TrafficPoint
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


def charts(traffic: Traffic, marks: tuple[Mark, ...], serving: tuple[Serving, ...]) -> tuple[Chart, ...]:
    """Requests, errors, and the three percentiles of latency."""
    drawn = (
        _chart("requests", "Requests", traffic, lambda p: p.requests, "requests", bars=True),
        _chart("errors", "Errors", traffic, lambda p: p.errors, "errors", bars=True),
        _chart("p50", "Latency, p50", traffic, lambda p: p.p50_ms, "ms"),
        _chart("p95", "Latency, p95", traffic, lambda p: p.p95_ms, "ms"),
        _chart("p99", "Latency, p99", traffic, lambda p: p.p99_ms, "ms"),
    )
    shade = tuple(replace(band, name="") for band in bands(serving, traffic.start, traffic.end))
    done = mark_lines(marks, traffic.start, traffic.end)
    lines = tuple(replace(mark, text=str(number)) for number, mark in enumerate(done, start=1))
    return tuple(replace(chart, bands=shade, marks=lines) for chart in drawn)


def key_of(traffic: Traffic, marks: tuple[Mark, ...], serving: tuple[Serving, ...]) -> tuple[tuple[str, str], ...]:
    """What the numbers and the shades of all charts mean: five small charts have no room for the words."""
    now = traffic.end
    done = mark_lines(marks, traffic.start, traffic.end)
    told = [(str(number), f"{clock(mark.at, now)} {mark.text}") for number, mark in enumerate(done, start=1)]
    spans = bands(serving, traffic.start, traffic.end)
    words = [f"{band.name} from {clock(band.start, now)}" for band in spans]
    return (*told, ("Served", ", ".join(words))) if words else tuple(told)


def _chart(name: str, title: str, traffic: Traffic, pick: Pick, unit: str, *, bars: bool = False) -> Chart:
    grid = bins(traffic)
    at: dict[str, dict[datetime, float | None]] = {deployment: {} for deployment in deployments(traffic)}
    for point in traffic.points:
        at[point.deployment][point.at] = pick(point)
    series = tuple(
        Series(deployment or REFUSED, grid, tuple(map(measured.get, grid)), style=style, bars=bars)
        for style, (deployment, measured) in enumerate(at.items())
    )
    return Chart(name=name, title=title, series=series, unit=unit, start=traffic.start, end=traffic.end, height=190)


CAPACITY_POINTS = 120
"""A capacity chart is about 300 pixels wide: more points than this are not seen, only sent and drawn."""


def capacity_charts(points: tuple[CapacityPoint, ...], start: datetime, end: datetime) -> tuple[Chart, ...]:
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
            Series(deployment, tuple(parts), tuple(_highest(map(pick, part)) for part in parts.values()), style=style)
            for style, (deployment, parts) in enumerate(sorted(stretches.items()))
        )
        note = f"{unit}, highest of {minutes} min" if minutes > 1 else unit
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


def summaries(traffic: Traffic) -> list[tuple[str, ...]]:
    return [
        (
            s.deployment or REFUSED,
            f"{s.requests:,}",
            f"{s.errors:,}",
            f"{share(s.errors, s.requests)} %" if s.requests else "–",
            milliseconds(s.p50_ms),
            milliseconds(s.p95_ms),
            milliseconds(s.p99_ms),
        )
        for s in traffic.summaries
    ]


def statuses(traffic: Traffic) -> list[tuple[str, str, Untrusted, str]]:
    """Most frequent first; a reason is the model's own text."""
    found = sorted(traffic.statuses, key=lambda s: -s.requests)
    return [(s.deployment or REFUSED, str(s.code), Untrusted(s.reason or "–", 160), f"{s.requests:,}") for s in found]


def callers(traffic: Traffic) -> list[tuple[Untrusted, str]]:
    found = sorted(traffic.callers, key=lambda c: -c.requests)
    return [(Untrusted(c.user_agent or "no User-Agent", 120), f"{c.requests:,}") for c in found[:12]]
