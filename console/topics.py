"""Every topic a page may watch: what it reads, from which source, how often."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from backend.domain.azure_alerts import AzureAlerts
from backend.domain.clock import utc_now
from backend.domain.contract import Tried
from backend.domain.endpoints import Endpoint
from backend.domain.key_rotation import KeyUse, Which
from backend.domain.people import Actor
from backend.domain.registry import ModelVersion
from backend.domain.reviews import ChangedFile, Mergeability, PullRequest, PullRequestDetail
from backend.domain.run_requests import Startable
from backend.domain.run_search import IndexState
from backend.domain.runs import Preview, RunCurves, RunDetail, RunDifference
from backend.domain.setup import SetupPlan
from backend.domain.telemetry import CapacityPoint, LogLine, Traffic
from backend.errors import Invalid, NotFound
from console.snapshots import Source, Topic
from console.viewmodels.window import Stretch, bin_seconds

if TYPE_CHECKING:
    from backend.bootstrap import Backend

_PULLS = TypeAdapter(tuple[PullRequest, ...])
_PULL: TypeAdapter[PullRequestDetail | None] = TypeAdapter(PullRequestDetail | None)
_LOG: TypeAdapter[str | None] = TypeAdapter(str | None)
_RUNS = TypeAdapter(IndexState)
_RUN = TypeAdapter(RunDetail)
_CURVES = TypeAdapter(tuple[RunCurves, ...])
_DIFFERENCES = TypeAdapter(tuple[RunDifference, ...])
_STARTABLE: TypeAdapter[Startable | str | None] = TypeAdapter(Startable | str | None)
_PREVIEW: TypeAdapter[Preview | None] = TypeAdapter(Preview | None)
_FILES: TypeAdapter[tuple[ChangedFile, ...] | None] = TypeAdapter(tuple[ChangedFile, ...] | None)
_VERSIONS = TypeAdapter(tuple[ModelVersion, ...])
_ENDPOINT: TypeAdapter[Endpoint | None] = TypeAdapter(Endpoint | None)
_PLAN = TypeAdapter(SetupPlan)
_AZURE_ALERTS = TypeAdapter(AzureAlerts)
_TRAFFIC = TypeAdapter(Traffic)
_CAPACITY = TypeAdapter(tuple[CapacityPoint, ...])
_LINES = TypeAdapter(tuple[LogLine, ...])
_TRIED = TypeAdapter(Tried)
_KEY_USE = TypeAdapter(KeyUse)
_KEY = TypeAdapter(str)

WINDOWS = {"15 min": 900, "1 h": 3600, "6 h": 21_600, "24 h": 86_400, "7 d": 604_800, "30 d": 2_592_000}
"""The monitoring page's ranges, in seconds."""

LINES = 200
"""Of a log, the newest."""
BEFORE = 300
"""Seconds between two looks at a day or a week ago."""
BOARD, PAGE = 25.0, 15.0
"""GitHub gives 5,000 points an hour: a look at the board costs one, most of the time, and so does a page.

What a person has just done here is read at once, and so is what GitHub tells of by itself.
"""


RUNG = ("pulls", "pull/")
"""Keys, or what they begin with, of the topics that are read again when GitHub rings."""


def _window(seconds: int, width: int) -> tuple[datetime, datetime]:
    """The last `seconds`, ending on a bin's edge, so that an unchanged world gives an unchanged value."""
    end = math.ceil(utc_now().timestamp() / width) * width
    return datetime.fromtimestamp(end - seconds, UTC), datetime.fromtimestamp(end, UTC)


def pulls() -> Topic[tuple[PullRequest, ...]]:
    return Topic("pulls", Source.GITHUB, _PULLS, lambda backend: backend.reviews.pulls(), every=BOARD, pinned=True)


def pull(number: int) -> Topic[PullRequestDetail | None]:
    """None where there is no such pull request: that GitHub said so is an answer, not a failure."""

    def load(backend: Backend) -> PullRequestDetail | None:
        try:
            return backend.reviews.pull(number)
        except NotFound:
            return None

    def computing(found: PullRequestDetail | None) -> bool:
        """GitHub begins to compute whether it merges when somebody asks, and answers the next who asks."""
        return found is not None and found.state == "open" and found.summary.mergeability is Mergeability.CHECKING

    return Topic(f"pull/{number}", Source.GITHUB, _PULL, load, every=PAGE, unsettled=computing)


def job_log(job: int) -> Topic[str | None]:
    """The end of a job's log; None where GitHub keeps it no more. A job that has ended says nothing new."""

    def load(backend: Backend) -> str | None:
        try:
            return backend.reviews.log(job)
        except NotFound:
            return None

    return Topic(f"job-log/{job}", Source.GITHUB, _LOG, load, every=300)


def runs() -> Topic[IndexState]:
    """How far the run index is; the pages ask the index itself for runs. Its value changes only where a run does."""

    def load(backend: Backend) -> IndexState:
        return backend.runs.refresh().model_copy(update={"at": None})

    return Topic(
        "run-index", Source.RUN_INDEX, _RUNS, load, every=5, pinned=True, unsettled=lambda state: not state.complete
    )


def run(workspace: str, run_id: str) -> Topic[RunDetail]:
    """One run, whole. It changes while it runs; afterwards somebody may still label it."""
    return Topic(
        f"run/{workspace}/{run_id}",
        Source.TRACKING,
        _RUN,
        lambda backend: backend.runs.detail(workspace, run_id),
        every=120,
        unsettled=lambda detail: not detail.run.state.ended,
    )


def run_curves(keys: tuple[str, ...]) -> Topic[tuple[RunCurves, ...]]:
    return Topic(
        f"run-curves/{_digest(keys)}",
        Source.TRACKING,
        _CURVES,
        lambda backend: backend.run_comparisons.curves(keys),
        every=600,
    )


def run_differences(baseline: str, keys: tuple[str, ...]) -> Topic[tuple[RunDifference, ...]]:
    return Topic(
        f"run-differences/{_digest((baseline, *keys))}",
        Source.TRACKING,
        _DIFFERENCES,
        lambda backend: backend.run_comparisons.differences(baseline, keys),
        every=600,
    )


def run_file(workspace: str, run_id: str, path: str) -> Topic[Preview | None]:
    """None where the run has no such file."""

    def load(backend: Backend) -> Preview | None:
        try:
            return backend.runs.preview(workspace, run_id, path)
        except NotFound:
            return None

    return Topic(f"run-file/{_digest((workspace, run_id, path))}", Source.TRACKING, _PREVIEW, load, every=600)


def startable(branch: str) -> Topic[Startable | str | None]:
    """What can be started from a branch; in words where nothing can."""

    def load(backend: Backend) -> Startable | str:
        try:
            return backend.run_requests.startable(branch)
        except (NotFound, Invalid) as error:
            return str(error)

    return Topic(f"startable/{branch}", Source.GITHUB, _STARTABLE, load, every=PAGE)


def code_change(base: str, head: str) -> Topic[tuple[ChangedFile, ...] | None]:
    """What one commit has that another has not; None where GitHub knows one of them no more."""

    def load(backend: Backend) -> tuple[ChangedFile, ...] | None:
        try:
            return backend.run_comparisons.code(base, head)
        except NotFound:
            return None

    return Topic(f"code-change/{base}/{head}", Source.GITHUB, _FILES, load, every=3600)


def _digest(parts: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def versions() -> Topic[tuple[ModelVersion, ...]]:
    return Topic(
        "versions", Source.AZURE_ML, _VERSIONS, lambda backend: backend.models.versions(), every=10, pinned=True
    )


def endpoint(name: str) -> Topic[Endpoint | None]:
    return Topic(
        f"endpoint/{name}",
        Source.AZURE_ML,
        _ENDPOINT,
        lambda backend: backend.endpoints.show(name),
        every=3,
        pinned=True,
    )


def tried(actor: Actor, row: dict[str, float | int], nonce: str) -> Topic[Tried]:
    """One call to the test endpoint, made once. What somebody typed may be a patient's, so no file keeps it."""
    return Topic(
        f"tried/{nonce}",
        Source.AZURE_ML,
        _TRIED,
        lambda backend: backend.contracts.attempt(actor, row),
        every=86_400,
        kept=False,
    )


def key_use(name: str) -> Topic[KeyUse]:
    """Who uses which of an endpoint's two keys; the cached value holds marks and no key."""
    return Topic(f"key-use/{name}", Source.MONITOR, _KEY_USE, lambda backend: backend.keyring.use(name), every=30)


def key(actor: Actor, name: str, which: Which, nonce: str) -> Topic[str]:
    """A key for the tab that has announced it; no file keeps it."""

    def load(backend: Backend) -> str:
        return backend.keyring.read(actor, name, which)

    return Topic(f"key/{nonce}", Source.AZURE_ML, _KEY, load, every=86_400, kept=False)


def plan() -> Topic[SetupPlan]:
    return Topic("plan", Source.SETUP, _PLAN, lambda backend: backend.setup.plan(), every=120, pinned=True)


def azure_alerts() -> Topic[AzureAlerts]:
    """Which of Azure Monitor's own rules fire. Azure looks at them each minute."""
    return Topic(
        "azure-alerts", Source.MONITOR, _AZURE_ALERTS, lambda backend: backend.telemetry.azure_alerts(), every=30
    )


def traffic(name: str, seconds: int) -> Topic[Traffic]:
    """Traffic of the last `seconds`: minutes in a day and less."""
    width = bin_seconds(timedelta(seconds=seconds))

    def load(backend: Backend) -> Traffic:
        start, end = _window(seconds, width)
        return backend.telemetry.traffic(name, start, end, width)

    return Topic(f"traffic/{name}/{seconds}", Source.MONITOR, _TRAFFIC, load, every=_pace(seconds))


def _pace(seconds: int) -> float:
    """How often a window is read: what is new in it is soon as wide as its bins, and a long one costs more."""
    return 5.0 if seconds <= 3600 else 30.0 if seconds <= 86_400 else 300.0


def traffic_before(name: str, seconds: int, before: timedelta) -> Topic[Traffic]:
    """The same window a day or a week earlier. What happened then has been told: it is read seldom."""
    width = bin_seconds(timedelta(seconds=seconds))

    def load(backend: Backend) -> Traffic:
        start, end = _window(seconds, max(width, BEFORE))
        return backend.telemetry.traffic(name, start - before, end - before, width)

    key = f"traffic/{name}/{seconds}/{before.days} d before"
    return Topic(key, Source.MONITOR, _TRAFFIC, load, every=float(BEFORE))


def traffic_between(name: str, stretch: Stretch) -> Topic[Traffic]:
    """A window with a beginning and an end of its own."""
    width = bin_seconds(stretch.end - stretch.start)

    def load(backend: Backend) -> Traffic:
        return backend.telemetry.traffic(name, stretch.start, stretch.end, width)

    return Topic(f"traffic/{name}/{_named(stretch)}", Source.MONITOR, _TRAFFIC, load, every=30)


def capacity_between(name: str, stretch: Stretch) -> Topic[tuple[CapacityPoint, ...]]:
    def load(backend: Backend) -> tuple[CapacityPoint, ...]:
        return backend.telemetry.capacity(name, stretch.start, stretch.end)

    return Topic(f"capacity/{name}/{_named(stretch)}", Source.MONITOR, _CAPACITY, load, every=60)


def _named(stretch: Stretch) -> str:
    return "/".join(stretch.address.values())


def capacity(name: str, seconds: int) -> Topic[tuple[CapacityPoint, ...]]:

    def load(backend: Backend) -> tuple[CapacityPoint, ...]:
        start, end = _window(seconds, 60)
        return backend.telemetry.capacity(name, start, end)

    return Topic(f"capacity/{name}/{seconds}", Source.MONITOR, _CAPACITY, load, every=max(30.0, _pace(seconds)))


def console_log(name: str, deployment: str, search: str = "") -> Topic[tuple[LogLine, ...]]:
    return Topic(
        _searched(f"console/{name}/{deployment}", search),
        Source.MONITOR,
        _LINES,
        lambda backend: backend.telemetry.console_log(name, deployment, LINES, search),
        every=10,
    )


def events(name: str, deployment: str = "", search: str = "") -> Topic[tuple[LogLine, ...]]:
    return Topic(
        _searched(f"events/{name}/{deployment}" if deployment else f"events/{name}", search),
        Source.MONITOR,
        _LINES,
        lambda backend: backend.telemetry.events(name, LINES, deployment, search),
        every=10,
    )


def _searched(key: str, search: str) -> str:
    return f"{key}?{search}" if search else key
