"""What the lead sees before the click: the dossier of a version and the decision about it."""

from __future__ import annotations

from datetime import datetime

from backend.domain.endpoints import Endpoint
from backend.domain.evidence import Evidence
from backend.domain.gates import Finding, GateFile
from backend.domain.promotions import Promotion, Target
from backend.domain.registry import Approval, ModelVersion, VersionState
from backend.domain.value import Value


class RolloutStep(Value):
    weight: int
    min_calls: int
    min_seconds: float


class LoadPlan(Value):
    """How many requests the test endpoint is sent, and how many of them are under way at any moment."""

    requests: int = 400
    at_a_time: int = 4


class MirrorPlan(Value):
    """A share of the live calls copied to the candidate before it answers anybody; Azure allows at most 50 percent."""

    percent: int
    min_calls: int
    min_seconds: float


class Rollout(Value):
    """`training/rollout.toml` as committed with the version; `digest` is sha256 of the file's bytes.

    Limits that a file does not name are not asked: those of saturation are 0 then, those against stable so wide that
    nothing exceeds them.
    """

    steps: tuple[RolloutStep, ...]
    max_error_rate: float
    max_p95_ms: float
    max_cpu_percent: float = 0.0
    max_memory_percent: float = 0.0
    max_error_increase: float = 1.0
    max_p95_ratio: float = 0.0
    max_positive_shift: float = 1.0
    load: LoadPlan = LoadPlan()
    mirror: MirrorPlan | None = None
    keep_warm_seconds: float
    observe_deadline_seconds: float
    commit: str
    digest: str


class Blocker(Value):
    """Something that stands between a version and production; `hard` ones disable the button.

    An advisory one has the name that whoever goes on has to acknowledge, in `gate`. One that clears by itself says
    when, in `until`.
    """

    what: str
    why: str
    who: str
    hard: bool = True
    gate: str = ""
    until: datetime | None = None


class Dossier(Value):
    """All our own records about one version. Nothing in it needs a network.

    `why` is the sentence behind the state, "" where the word tells everything; `approved` outlives the state: a
    version that was rolled back may still be approved. `version` carries the threshold that was chosen for it and
    tested, `proposed_threshold` the one that training proposed. `gates` are the rules it was judged by; they are not
    current where main holds others now.
    """

    version: ModelVersion
    proposed_threshold: float
    gates: GateFile | None = None
    gates_are_current: bool = True
    state: VersionState
    why: str = ""
    approved: bool = False
    staging: Promotion | None
    evidence: tuple[Evidence, ...]
    rollout: Rollout | None
    approvals: tuple[Approval, ...]
    promotions: tuple[Promotion, ...]


class Decision(Value):
    """The promotion screen's content. `effect` is the sentence the button repeats; hard blockers disable it.

    `expected_stable` is what production served when this was computed; the click sends it back, and the
    promotion is refused if production has moved since.
    """

    dossier: Dossier
    target: Target
    endpoint: Endpoint | None
    stable_version: str
    expected_stable: str
    effect: str
    findings: tuple[Finding, ...]
    blockers: tuple[Blocker, ...]
    refusal: str = ""
