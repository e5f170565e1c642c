"""Telemetry as charts and rows, by deployment, gaps as gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from backend.domain.telemetry import CapacityPoint, Mark, Serving, Traffic, TrafficPoint
from console.viewmodels.figures import milliseconds, share
from console.viewmodels.series import Chart, Series, bands, mark_lines
from console.viewmodels.text import Untrusted

Pick = Callable[[TrafficPoint], float | None]


def deployments(traffic: Traffic) -> tuple[str, ...]:
    """In the order of their first call, so that a deployment keeps its colour."""
    first: dict[str, datetime] = {}
    for point in traffic.points:
        first[point.deployment] = min(first.get(point.deployment, point.at), point.at)
    return tuple(sorted(first, key=lambda name: (first[name], name)))


def bins(traffic: Traffic) -> tuple[datetime, ...]:
    """Every bin of the window: what was not measured must be drawn as a gap."""
    if not traffic.points:
        return ()
    width = timedelta(seconds=traffic.bin_seconds)
    at = min(point.at for point in traffic.points)
    found = []
    while at <= max(point.at for point in traffic.points):
        found.append(at)
        at += width
    return tuple(found)


def charts(traffic: Traffic, marks: tuple[Mark, ...], serving: tuple[Serving, ...]) -> tuple[Chart, ...]:
    """Requests, errors, and the three percentiles of latency."""
    drawn = (
        _chart("requests", "Requests", traffic, lambda p: p.requests, "requests", bars=True),
        _chart("errors", "Errors", traffic, lambda p: p.errors, "errors", bars=True),
        _chart("p50", "Latency, p50", traffic, lambda p: p.p50_ms, "ms"),
        _chart("p95", "Latency, p95", traffic, lambda p: p.p95_ms, "ms"),
        _chart("p99", "Latency, p99", traffic, lambda p: p.p99_ms, "ms"),
    )
    shade, lines = bands(serving, traffic.start, traffic.end), mark_lines(marks, traffic.start, traffic.end)
    return tuple(replace(chart, bands=shade, marks=lines) for chart in drawn)


def _chart(name: str, title: str, traffic: Traffic, pick: Pick, unit: str, *, bars: bool = False) -> Chart:
    grid = bins(traffic)
    series = []
    for style, deployment in enumerate(deployments(traffic)):
        at = {p.at: pick(p) for p in traffic.points if p.deployment == deployment}
        series.append(Series(deployment, grid, tuple(at.get(moment) for moment in grid), style=style, bars=bars))
    return Chart(
        name=name, title=title, series=tuple(series), unit=unit, start=traffic.start, end=traffic.end, height=190
    )


def capacity_charts(points: tuple[CapacityPoint, ...], start: datetime, end: datetime) -> tuple[Chart, ...]:
    picks: tuple[tuple[str, str, Callable[[CapacityPoint], float | None], str], ...] = (
        ("cpu", "CPU", lambda p: p.cpu_percent, "%"),
        ("memory", "Memory", lambda p: p.memory_percent, "%"),
        ("capacity", "Capacity", lambda p: p.capacity, "instances"),
    )
    names = sorted({point.deployment for point in points})
    drawn = []
    for name, title, pick, unit in picks:
        series = tuple(
            Series(
                deployment,
                tuple(p.at for p in points if p.deployment == deployment),
                tuple(pick(p) for p in points if p.deployment == deployment),
                style=style,
            )
            for style, deployment in enumerate(names)
        )
        drawn.append(Chart(name=name, title=title, series=series, unit=unit, start=start, end=end, height=170))
    return tuple(drawn)


def summaries(traffic: Traffic) -> list[tuple[str, ...]]:
    return [
        (
            s.deployment,
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
    return [(s.deployment, str(s.code), Untrusted(s.reason or "–", 160), f"{s.requests:,}") for s in found]


def callers(traffic: Traffic) -> list[tuple[Untrusted, str]]:
    found = sorted(traffic.callers, key=lambda c: -c.requests)
    return [(Untrusted(c.user_agent or "no User-Agent", 120), f"{c.requests:,}") for c in found[:12]]
