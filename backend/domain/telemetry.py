"""Endpoint telemetry: windows of traffic by deployment, logs, capacity."""

from __future__ import annotations

from datetime import datetime

from backend.domain.value import Value


class TrafficPoint(Value):
    """One deployment in one time bin. Latencies in milliseconds, None where no request fell into the bin."""

    at: datetime
    deployment: str
    requests: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class TrafficSummary(Value):
    """One deployment over a window; `errors` are answers of 500 and over, 408, 424 and 429."""

    deployment: str
    requests: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Scores(Value):
    """What a deployment's log tells of its newest answers: their risks, and how many were called positive."""

    positives: int
    risks: tuple[float, ...]


class StatusCount(Value):
    deployment: str
    code: int
    reason: str
    requests: int


class CallerCount(Value):
    user_agent: str
    requests: int


class Traffic(Value):
    """Everything the monitoring page draws for one window; `data_until` is the newest log line's time."""

    endpoint: str
    start: datetime
    end: datetime
    bin_seconds: int
    points: tuple[TrafficPoint, ...]
    summaries: tuple[TrafficSummary, ...]
    statuses: tuple[StatusCount, ...]
    callers: tuple[CallerCount, ...]
    data_until: datetime | None


class CapacityPoint(Value):
    """Per-minute platform metrics; percent, None where the platform gave no sample."""

    at: datetime
    deployment: str
    cpu_percent: float | None
    memory_percent: float | None
    capacity: float | None


class LogLine(Value):
    at: datetime
    deployment: str
    name: str
    message: str


class Mark(Value):
    """A vertical line on every chart: approve, promote, shift, roll back."""

    at: datetime
    kind: str
    text: str


class Serving(Value):
    """Which deployment held most traffic from `start` until `end` (None: still)."""

    deployment: str
    start: datetime
    end: datetime | None
