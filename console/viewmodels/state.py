"""States as words, symbols and tones: always the three together."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.comparison import BandVerdict, Verdict
from backend.domain.gates import FindingState
from backend.domain.promotions import IntentState, Kind, Phase, Promotion, StepKind
from backend.domain.registry import VersionState
from backend.domain.reviews import CheckState
from backend.domain.runs import RunState


@dataclass(frozen=True, slots=True)
class Pill:
    """`tone` is good, warn, bad, blue or quiet; `symbol` names an icon."""

    text: str
    tone: str
    symbol: str


CHECKS = {
    CheckState.PASSED: Pill("passed", "good", "check_circle"),
    CheckState.FAILED: Pill("failed", "bad", "error"),
    CheckState.CANCELLED: Pill("cancelled", "warn", "cancel"),
    CheckState.RUNNING: Pill("running", "blue", "sync"),
    CheckState.QUEUED: Pill("waiting", "quiet", "schedule"),
    CheckState.SKIPPED: Pill("not needed", "quiet", "do_not_disturb_on"),
}

REVIEWS = {
    "APPROVED": Pill("approved", "good", "how_to_reg"),
    "CHANGES_REQUESTED": Pill("asked for changes", "warn", "edit_note"),
    "DISMISSED": Pill("dismissed", "quiet", "remove_done"),
    "COMMENTED": Pill("commented", "quiet", "chat"),
}

FINDINGS = {
    FindingState.PASS: Pill("pass", "good", "check_circle"),
    FindingState.FAIL: Pill("fail", "bad", "error"),
    FindingState.ADVISORY: Pill("advisory", "warn", "warning"),
    FindingState.INCONCLUSIVE: Pill("inconclusive", "blue", "hourglass_top"),
    FindingState.STALE: Pill("stale", "warn", "history"),
    FindingState.NOT_RUN: Pill("not run", "quiet", "radio_button_unchecked"),
}

VERDICTS = {
    Verdict.BETTER: Pill("better", "good", "trending_up"),
    Verdict.WORSE: Pill("worse", "bad", "trending_down"),
    Verdict.NO_DIFFERENCE: Pill("no detectable difference", "quiet", "trending_flat"),
    Verdict.TOO_LITTLE_DATA: Pill("too little data", "warn", "hourglass_top"),
}

BANDS = {
    BandVerdict.PASS: Pill("pass", "good", "check_circle"),
    BandVerdict.WORSE: Pill("worse", "bad", "trending_down"),
    BandVerdict.INCONCLUSIVE: Pill("inconclusive", "blue", "hourglass_top"),
    BandVerdict.TOO_FEW: Pill("too few to judge", "quiet", "do_not_disturb_on"),
}

RUNS = {
    RunState.QUEUED: Pill("queued", "quiet", "schedule"),
    RunState.RUNNING: Pill("running", "blue", "sync"),
    RunState.COMPLETED: Pill("completed", "good", "check_circle"),
    RunState.FAILED: Pill("failed", "bad", "error"),
    RunState.CANCELLED: Pill("cancelled", "warn", "cancel"),
}

VERSIONS = {
    VersionState.REGISTERED: Pill("Registered", "quiet", "inventory_2"),
    VersionState.TESTING: Pill("Being tested", "blue", "sync"),
    VersionState.READY: Pill("Ready", "good", "check_circle"),
    VersionState.TEST_FAILED: Pill("Test failed", "bad", "error"),
    VersionState.APPROVED: Pill("Approved", "good", "how_to_reg"),
    VersionState.REJECTED: Pill("Rejected", "bad", "block"),
    VersionState.CHANGES_REQUESTED: Pill("Changes requested", "warn", "edit_note"),
    VersionState.QUARANTINED: Pill("In quarantine", "bad", "coronavirus"),
    VersionState.PROMOTING: Pill("Being promoted", "blue", "sync"),
    VersionState.SERVING: Pill("Serving", "good", "check_circle"),
    VersionState.ROLLED_BACK: Pill("Rolled back", "warn", "undo"),
    VersionState.ABORTED: Pill("Aborted", "warn", "undo"),
    VersionState.SUPERSEDED: Pill("Superseded", "quiet", "history"),
}

PHASES = {
    Phase.PENDING: Pill("Pending", "blue", "schedule"),
    Phase.RUNNING: Pill("Running", "blue", "sync"),
    Phase.WAITING: Pill("Observing", "blue", "sync"),
    Phase.PAUSED: Pill("Paused", "warn", "pause_circle"),
    Phase.SUCCEEDED: Pill("Succeeded", "good", "check_circle"),
    Phase.FAILED: Pill("Failed", "bad", "error"),
    Phase.ERRORED: Pill("Errored", "bad", "error"),
    Phase.ROLLING_BACK: Pill("Rolling back", "warn", "undo"),
    Phase.ROLLED_BACK: Pill("Rolled back", "warn", "undo"),
    Phase.NEEDS_ATTENTION: Pill("Needs attention", "bad", "emergency_home"),
}

KINDS = {Kind.STAGE: "Test", Kind.PROMOTE: "Promotion", Kind.ROLL_BACK: "Rollback", Kind.ADOPT: "Adoption"}

INTENTS = {
    IntentState.PENDING: Pill("recorded, the worker will do it", "blue", "schedule"),
    IntentState.RUNNING: Pill("being done", "blue", "sync"),
    IntentState.SUCCEEDED: Pill("done", "good", "check_circle"),
    IntentState.FAILED: Pill("not done", "bad", "error"),
}


def promotion_pill(promotion: Promotion) -> Pill:
    """`At 10 %, observing` and `At 10 %, next 50 %` while traffic is split, else the phase's own word."""
    weight, current = reached_weight(promotion), promotion.current
    if promotion.phase not in {Phase.RUNNING, Phase.WAITING} or weight is None or current is None:
        return PHASES[promotion.phase]
    shifting = current.step.kind is StepKind.SHIFT_TRAFFIC
    doing = f"next {current.step.weight} %" if shifting else PHASES[promotion.phase].text.lower()
    return Pill(f"At {weight} %, {doing}", "blue", "sync")


def reached_weight(promotion: Promotion) -> int | None:
    """The candidate's percentage that the plan has set so far, None before traffic moves."""
    done = promotion.steps[: promotion.position]
    return next((r.step.weight for r in reversed(done) if r.step.kind is StepKind.SHIFT_TRAFFIC), None)
