"""What the lead sees before the click: the dossier of a version and the decision about it."""

from __future__ import annotations

from datetime import datetime

from backend.domain.approvals import Assent, Override, Quarantine
from backend.domain.endpoints import Endpoint
from backend.domain.evidence import Evidence
from backend.domain.gates import Finding, GateFile
from backend.domain.objectives import Standing
from backend.domain.promotions import Kind, Promotion, Target
from backend.domain.registry import Approval, ModelVersion, VersionState
from backend.domain.supply_chain import Signature
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

    An advisory one has the name that whoever goes on has to acknowledge, in `gate`. `because` is why the team asks.
    One that was hard and may be gone past for a while, because two people broke the glass, is `overridden`. One that
    clears by itself says when, in `until`.
    """

    what: str
    why: str
    who: str
    hard: bool = True
    gate: str = ""
    because: str = ""
    overridden: bool = False
    until: datetime | None = None

    @property
    def weight(self) -> str:
        """`blocks`, `advisory`, or `overridden` where it would block and two people have gone past it."""
        return "overridden" if self.overridden else "blocks" if self.hard else "advisory"

    @property
    def cause(self) -> str:
        """What was found, and why the team asks for it."""
        return f"{self.why} {self.because}".strip()


class Dossier(Value):
    """All our own records about one version. Nothing in it needs a network.

    `why` is the sentence behind the state, "" where the word tells everything; `approved` outlives the state: a
    version that was rolled back may still be approved. `version` carries the threshold that was chosen for it and
    tested, `proposed_threshold` the one that training proposed. `gates` are the rules it was judged by; they are not
    current where main holds others now. `environment_now` is the digest of what its environment is defined as, as a
    worker last saw it, "" if none has looked. `assent` is what the approvals amount to at the moment of looking;
    `override` is the one of `overrides` that is open then.
    """

    version: ModelVersion
    proposed_threshold: float
    gates: GateFile | None = None
    gates_are_current: bool = True
    environment_now: str = ""
    state: VersionState
    why: str = ""
    approved: bool = False
    staging: Promotion | None
    evidence: tuple[Evidence, ...]
    rollout: Rollout | None
    approvals: tuple[Approval, ...]
    promotions: tuple[Promotion, ...]
    assent: Assent = Assent()
    quarantine: Quarantine | None = None
    overrides: tuple[Override, ...] = ()
    override: Override | None = None

    @property
    def newest_evidence(self) -> str:
        """The digest of what was last measured about exactly this model, "" where nothing was.

        The list of authors is no measurement: it comes by itself, some seconds after a version or a new champion, and
        who may not decide is looked up at the click in any case.
        """
        about = (e for e in self.evidence if e.model_digest == self.version.digest and e.authorship is None)
        return next((found.digest for found in about), "")


class Returned(Value):
    """The last time production came back, by a rollback or out of a promotion: the seconds it took, and when."""

    kind: Kind
    seconds: float
    at: datetime


class WayBack(Value):
    """What returning to the deployment that serves now would rest on.

    `now` and `after` are the schemas of what serves and of what the click makes serve, None where not known. `allowed`
    is whether a caller that has moved would be served after the return, None where not known, with its `sentence`.
    """

    now: Signature | None
    after: Signature | None
    allowed: bool | None
    sentence: str
    last: Returned | None


class Seen(Value):
    """What somebody had before them when they decided; the click sends it back and is refused if any of it changed.

    `decision` is the id of the newest approval or rejection, `evidence` is `Dossier.newest_evidence`.
    """

    stable: str
    threshold: float
    gates: str
    decision: str
    evidence: str


class Decision(Value):
    """The promotion screen's content. `effect` is the sentence the button repeats; hard blockers disable it.

    `expected_stable` is what production served when this was computed; the click sends it back, and the
    promotion is refused if production has moved since. `refusal` is why this person may not promote,
    `approve_refusal` why they may not approve, and `duty` what keeps them apart from what they made, in words.
    `overridable` names the hard gates that break-glass could go past; `author_apart` says that no author may approve.
    `objectives` are production's as last measured, None where none are declared; `alerts` counts those that stand.
    `way_back` is None where nothing serves yet. `another_threshold` says that the version serves, and that this is
    about the same model at another threshold than it serves with. `stale_comparison` says why the comparison that is
    shown is not between what would serve and what serves now, "" where it is.
    """

    dossier: Dossier
    target: Target
    endpoint: Endpoint | None
    stable_version: str
    expected_stable: str
    seen: Seen
    serving_since: datetime | None = None
    effect: str
    findings: tuple[Finding, ...]
    blockers: tuple[Blocker, ...]
    refusal: str = ""
    approve_refusal: str = ""
    duty: tuple[str, ...] = ()
    overridable: tuple[str, ...] = ()
    author_apart: bool = True
    another_threshold: bool = False
    way_back: WayBack | None = None
    objectives: Standing | None = None
    alerts: int = 0
    stale_comparison: str = ""

    @property
    def serves(self) -> bool:
        """Whether exactly this serves, so that there is nothing to decide."""
        return self.dossier.state is VersionState.SERVING and not self.another_threshold
