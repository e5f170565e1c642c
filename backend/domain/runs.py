"""Runs and experiments, read from Azure ML's tracking API."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.comparison import Difference
from backend.domain.value import Value


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in {RunState.QUEUED, RunState.RUNNING}

    @property
    def broken_off(self) -> bool:
        """Ended, and with nothing to show for it."""
        return self in {RunState.FAILED, RunState.CANCELLED}


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

    @property
    def key(self) -> str:
        """What tells a run from those of the other workspace, too."""
        return f"{self.workspace}/{self.id}"

    @property
    def parent(self) -> str:
        """The run or sweep that this one is a part of, "" for one that stands alone."""
        return self.tags.get("parent", "")

    @property
    def took(self) -> float | None:
        """Seconds from its start to its end, None before it has ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


class Curve(Value):
    """Points of one figure: `kind` is roc, precision_recall, calibration, sensitivity or specificity, the last two
    by threshold.
    """

    kind: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class RunCurves(Value):
    """The curves of one run; `problem` says why there are none."""

    key: str
    curves: tuple[Curve, ...] = ()
    problem: str = ""


class RunDifference(Value):
    """A run against the baseline on the same `rows` of a holdout; `problem` says why they cannot be compared."""

    key: str
    rows: int = 0
    differences: tuple[Difference, ...] = ()
    problem: str = ""


class Artefact(Value):
    """A file of a run's artefact folder; `size` is 0 where the service does not say."""

    path: str
    size: int = 0


class History(Value):
    """A metric that was logged more than once."""

    metric: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


class Preview(Value):
    """The beginning of an artefact. `kind` is text, table, image, or other; `data` is the image in base64."""

    path: str
    kind: str
    size: int
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    total_rows: int = 0
    data: str = ""


class RunDetail(Value):
    """A run with its evidence folder read: curves, band table, files, and the tail of its log.

    `environment`, `code` and `data` are ids of Azure ML, "" for a run that was no job; `packages` is what the
    environment resolved to, as the run itself saw it.
    """

    run: Run
    curves: tuple[Curve, ...] = ()
    bands: tuple[dict[str, float | str], ...] = ()
    log_tail: str = ""
    error: str = ""
    environment: str = ""
    code: str = ""
    data: str = ""
    compute: str = ""
    packages: dict[str, str] = {}
    artefacts: tuple[Artefact, ...] = ()
    history: tuple[History, ...] = ()
