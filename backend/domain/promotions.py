"""Promotions: one state machine for staging on the test endpoint, promoting, and rolling back."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from backend.domain.unexplained import Noticed
from backend.domain.value import Value


class Phase(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ERRORED = "errored"
    ROLLING_BACK = "rolling back"
    ROLLED_BACK = "rolled back"
    NEEDS_ATTENTION = "needs attention"

    @property
    def final(self) -> bool:
        return self in {Phase.SUCCEEDED, Phase.FAILED, Phase.ERRORED, Phase.ROLLED_BACK}


class Kind(StrEnum):
    """STAGE runs on the test endpoint; PROMOTE and ROLL_BACK on the production endpoint.

    ADOPT runs nothing: it records what served production before we came.
    """

    STAGE = "stage"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"
    ADOPT = "adopt"


class StepKind(StrEnum):
    """The file of the same name in `promotion/steps/` runs it; UNKNOWN is a step that a later release planned."""

    SNAPSHOT = "snapshot"
    CREATE_DEPLOYMENT = "create_deployment"
    VERIFY_DIGEST = "verify_digest"
    SMOKE_TEST = "smoke_test"
    LOAD_TEST = "load_test"
    REPLAY = "replay"
    REPLAY_COLLECTED = "replay_collected"
    MIRROR_TRAFFIC = "mirror_traffic"
    OBSERVE_MIRROR = "observe_mirror"
    COLLECT_EVIDENCE = "collect_evidence"
    SHIFT_TRAFFIC = "shift_traffic"
    OBSERVE = "observe"
    RESTORE_TRAFFIC = "restore_traffic"
    REMOVE_CANDIDATE = "remove_candidate"
    RETIRE_OTHERS = "retire_others"
    SCHEDULE_RETIREMENT = "schedule_retirement"
    UNKNOWN = "unknown"

    @property
    def watches(self) -> bool:
        """Whether it only measures: too little to decide ends in a pause then, and a person may go on."""
        return self in {StepKind.OBSERVE, StepKind.OBSERVE_MIRROR}


class Step(Value):
    """One planned step. `weight` (percent) belongs to shift, mirror and observe, the limits to observe.

    `keep_warm_seconds` belongs to schedule_retirement. No limit is: 0 for latency, its ratio to stable's, processor and
    memory; 1 for the shares of errors and positives.
    """

    kind: StepKind
    weight: int | None = None
    min_calls: int = 0
    min_seconds: float = 0.0
    max_error_rate: float = 1.0
    max_p95_ms: float = 0.0
    max_cpu_percent: float = 0.0
    max_memory_percent: float = 0.0
    max_error_increase: float = 1.0
    max_p95_ratio: float = 0.0
    max_positive_shift: float = 1.0
    deadline_seconds: float = 1800.0
    keep_warm_seconds: float = 0.0


ADOPTED = "adopted"
"""Stands for the run that nobody can name."""


class Target(Value):
    """What is to serve: fixed at the click and never looked up again."""

    endpoint: str
    model: str
    version: str
    digest: str
    threshold: float
    environment: str
    deployment: str
    commit: str = ""
    run: str = ""

    @property
    def adopted(self) -> bool:
        """It served before we came: no run of ours made it, and what it was trained from is unproven."""
        return self.run == ADOPTED


class StepState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ERRORED = "errored"
    SKIPPED = "skipped"


class StepRecord(Value):
    """A step as it went: `output` is the typed facts later steps and the tracker read."""

    ordinal: int
    step: Step
    state: StepState
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reason: str = ""
    output: dict[str, str | int | float | bool] = {}


class Snapshot(Value):
    """Production as found before the first effect; what a rollback restores."""

    traffic: dict[str, int]
    stable: str | None


class Success(Value):
    """A promotion or rollback that brought its target into service; `before` served until then, "" if nothing did."""

    kind: Kind
    target: Target
    before: str = ""


class Request(StrEnum):
    """What a person asked of a running promotion, honoured between steps."""

    NONE = "none"
    PAUSE = "pause"
    ABORT = "abort"
    PROMOTE_NOW = "promote now"


class Promotion(Value):
    """One run of a plan. `id` is the click's idempotency key; `reason` the latest phase's plain sentence.

    `expected_stable` is the deployment the requester saw serving; `request_by` and `request_reason` say who
    asked for the pause or abort in `request`. `next_at` is when the worker looks again.
    """

    id: str
    kind: Kind
    target: Target
    phase: Phase
    reason: str
    requested_by: str
    requested_reason: str
    plan: tuple[Step, ...]
    steps: tuple[StepRecord, ...]
    position: int
    snapshot: Snapshot | None
    expected_stable: str = ""
    request: Request = Request.NONE
    request_by: str = ""
    request_reason: str = ""
    attempt: int = 0
    fence: int = 0
    created_at: datetime
    updated_at: datetime
    next_at: datetime
    finished_at: datetime | None = None

    @property
    def current(self) -> StepRecord | None:
        return self.steps[self.position] if self.position < len(self.steps) else None


class Succeeded(Value):
    outcome: Literal["succeeded"] = "succeeded"
    reason: str = ""
    output: dict[str, str | int | float | bool] = {}


class Waiting(Value):
    """Not yet: look again after `retry_after` seconds.

    `held` is a wait for a rule that ends by itself, such as a freeze window: the step's deadline counts from its end.
    """

    outcome: Literal["waiting"] = "waiting"
    reason: str
    retry_after: float
    output: dict[str, str | int | float | bool] = {}
    held: bool = False


FOUND, FOUND_SINCE = "found", "found_since"
"""What a step's output says of traffic that somebody else had set: the weights as JSON, and since when."""


class Failed(Value):
    """Policy, a check or a person said no.

    `noticed` is what nobody of ours did and a person has to explain: it becomes an event with the step's outcome.
    """

    outcome: Literal["failed"] = "failed"
    reason: str
    output: dict[str, str | int | float | bool] = {}
    noticed: tuple[Noticed, ...] = ()


class Skipped(Value):
    outcome: Literal["skipped"] = "skipped"
    reason: str
    output: dict[str, str | int | float | bool] = {}


class Errored(Value):
    """Technology broke. `transient` errors are tried again with a durable count and capped backoff."""

    outcome: Literal["errored"] = "errored"
    reason: str
    transient: bool
    retry_after: float | None = None


Outcome = Succeeded | Waiting | Failed | Skipped | Errored


class RetirementState(StrEnum):
    SCHEDULED = "scheduled"
    REMOVING = "removing"
    REMOVED = "removed"
    CANCELLED = "cancelled"


class Retirement(Value):
    """A previous deployment kept warm until `due_at`, then removed by the worker."""

    id: str
    endpoint: str
    deployment: str
    promotion: str
    due_at: datetime
    state: RetirementState


class Hold(Value):
    """An endpoint that takes no promotion until a person lifts it; set by an abort or a rollback."""

    endpoint: str
    promotion: str
    reason: str
    set_by: str
    set_at: datetime


class IntentKind(StrEnum):
    """GitHub writes that the worker performs with the person's own token."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request changes"
    MERGE = "merge"
    APPROVE_AND_MERGE = "approve and merge"
    RERUN = "re-run failed checks"


class IntentState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Intent(Value):
    """A recorded wish about a pull request, bound to the head commit the person saw."""

    id: str
    kind: IntentKind
    pull_request: int
    head_sha: str
    actor: str
    reason: str
    state: IntentState
    outcome: str
    created_at: datetime
    finished_at: datetime | None = None
