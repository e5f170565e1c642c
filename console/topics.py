"""Every topic a page may watch: what it reads, from which source, how often."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from backend.domain.clock import utc_now
from backend.domain.contract import Tried
from backend.domain.endpoints import Endpoint
from backend.domain.key_rotation import KeyUse, Which
from backend.domain.people import Actor
from backend.domain.registry import ModelVersion
from backend.domain.reviews import Mergeability, PullRequest, PullRequestDetail
from backend.domain.runs import Run, RunDetail
from backend.domain.setup import SetupPlan
from backend.domain.telemetry import CapacityPoint, LogLine, Traffic
from backend.errors import NotFound
from console.snapshots import Source, Topic
from console.viewmodels.window import Stretch, bin_seconds

if TYPE_CHECKING:
    from backend.bootstrap import Backend

_PULLS = TypeAdapter(tuple[PullRequest, ...])
_PULL: TypeAdapter[PullRequestDetail | None] = TypeAdapter(PullRequestDetail | None)
_LOG: TypeAdapter[str | None] = TypeAdapter(str | None)
_RUNS = TypeAdapter(tuple[Run, ...])
_RUN = TypeAdapter(RunDetail)
_VERSIONS = TypeAdapter(tuple[ModelVersion, ...])
_ENDPOINT: TypeAdapter[Endpoint | None] = TypeAdapter(Endpoint | None)
_PLAN = TypeAdapter(SetupPlan)
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


def runs() -> Topic[tuple[Run, ...]]:
    return Topic("runs", Source.TRACKING, _RUNS, lambda backend: backend.runs.search(), every=10, pinned=True)


def run(workspace: str, run_id: str) -> Topic[RunDetail]:
    return Topic(
        f"run/{workspace}/{run_id}",
        Source.TRACKING,
        _RUN,
        lambda backend: backend.runs.detail(workspace, run_id),
        every=15,
    )


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
