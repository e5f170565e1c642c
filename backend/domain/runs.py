"""Runs and experiments, read from Azure ML's tracking API."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Run(Value):
    """A row of the run list. Parameters and tags are outside text; metrics are plain numbers."""

    id: str
    name: str
    experiment: str
    workspace: str
    state: RunState
    started_at: datetime | None
    ended_at: datetime | None
    author: str
    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]

    @property
    def commit(self) -> str:
        return self.tags.get("commit", "")

    @property
    def pull_request(self) -> str:
        return self.tags.get("pull_request", "")


class Curve(Value):
    """Points of one figure: `kind` is roc, precision_recall or calibration."""

    kind: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class RunDetail(Value):
    """A run with its evidence folder read: curves, band table, and the tail of its log."""

    run: Run
    curves: tuple[Curve, ...] = ()
    bands: tuple[dict[str, float | str], ...] = ()
    log_tail: str = ""
    error: str = ""
