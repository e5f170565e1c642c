"""Endpoint telemetry: windows of traffic by deployment, logs, capacity."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class ErrorClass(StrEnum):
    """Whose word a call that did not succeed was."""

    PLATFORM = "platform"
    MODEL = "model"
    THROTTLED = "throttled"
    CALLER = "caller"


def blame(code: int, model_code: int) -> ErrorClass | None:
    """Whose word an answer was; None for one that succeeded.

    Azure answers 424 for whatever the model answered badly. Where the model itself said 4xx, it refused what the
    caller sent ("Troubleshoot online endpoints", HTTP status codes; `ModelStatusCode` of the traffic log).
    """
    if code < 400:
        return None
    if code == 429:
        return ErrorClass.THROTTLED
    if code >= 500:
        return ErrorClass.PLATFORM
    refused = 400 <= model_code < 500
    return ErrorClass.MODEL if code == 408 or (code == 424 and not refused) else ErrorClass.CALLER


class TrafficPoint(Value):
    """One deployment in one time bin. Latencies in milliseconds, None where no request fell into the bin.

    `platform`, `model`, `throttled` and `caller` part what did not succeed, `mirrored` counts copies of calls, whose
    answers reached nobody, and `delay_ms` is how long calls were held back in all.
    """

    at: datetime
    deployment: str
    requests: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    platform: int = 0
    model: int = 0
    throttled: int = 0
    caller: int = 0
    mirrored: int = 0
    delay_ms: int = 0

    def of(self, kind: ErrorClass) -> int:
        counted: int = getattr(self, kind.value)
        return counted


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
    model_code: int = 0

    @property
    def kind(self) -> ErrorClass | None:
        return blame(self.code, self.model_code)


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
    """A vertical line on every chart: approve, promote, shift, roll back, alert."""

    at: datetime
    kind: str
    text: str


class Serving(Value):
    """Which deployment held most traffic from `start` until `end` (None: still).

    `version` is "" where no promotion says of which version the deployment is.
    """

    deployment: str
    version: str = ""
    start: datetime
    end: datetime | None
