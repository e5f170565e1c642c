"""The six stages of the loop, as they stand now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.domain.decisions import Dossier
from backend.domain.endpoints import Endpoint
from backend.domain.promotions import Phase, Promotion
from backend.domain.registry import ModelVersion, VersionState
from backend.domain.reviews import CheckState, PullRequest
from backend.domain.setup import Change, SetupPlan
from backend.domain.value import Reading
from console.viewmodels.figures import short_commit
from console.viewmodels.state import reached_weight
from console.viewmodels.text import Untrusted

TAKEN_BACK = 3
"""More than the latest few are history, which the Models page tells."""


class Stage(StrEnum):
    SETUP = "Setup"
    DEVELOPMENT = "Development"
    INTEGRATION = "Integration"
    DEPLOYMENT = "Deployment"
    DELIVERY = "Delivery"
    MONITORING = "Monitoring"


@dataclass(frozen=True, slots=True)
class StageView:
    """`tone` good = as it should be, blue = in progress, bad = broken, quiet = nothing there yet."""

    stage: Stage
    tone: str
    symbol: str
    fact: Untrusted


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything a stage rail is made of. Dossiers are newest first, and only of the latest versions."""

    plan: Reading[SetupPlan]
    pulls: Reading[tuple[PullRequest, ...]]
    versions: Reading[tuple[ModelVersion, ...]]
    endpoint: Reading[Endpoint | None]
    dossiers: tuple[Dossier, ...]
    active: Promotion | None

    @property
    def latest(self) -> Dossier | None:
        return self.dossiers[0] if self.dossiers else None

    @property
    def waiting(self) -> tuple[Dossier, ...]:
        """Versions that only a person's decision keeps from production."""
        return tuple(d for d in self.dossiers if d.state.waits)

    @property
    def taken_back(self) -> tuple[Dossier, ...]:
        """Versions that production has had, or was about to have, and that were sent away."""
        sent_away = {VersionState.ROLLED_BACK, VersionState.ABORTED, VersionState.REJECTED, VersionState.QUARANTINED}
        return tuple(d for d in self.dossiers if d.state in sent_away)[:TAKEN_BACK]


def stages(world: Surroundings) -> tuple[StageView, ...]:
    return (
        _setup(world.plan),
        _development(world.pulls),
        _integration(world.pulls),
        _deployment(world),
        _delivery(world),
        _monitoring(world.endpoint),
    )


def _view(stage: Stage, tone: str, fact: str) -> StageView:
    symbols = {
        "good": "check_circle",
        "blue": "sync",
        "bad": "error",
        "warn": "warning",
        "quiet": "radio_button_unchecked",
    }
    return StageView(stage, tone, symbols[tone], Untrusted(fact, 60))


def _setup(plan: Reading[SetupPlan]) -> StageView:
    if plan.value is None:
        return _view(Stage.SETUP, "quiet", "not read yet")
    total = len(plan.value.resources)
    as_declared = sum(r.change is Change.NONE for r in plan.value.resources)
    if total and as_declared == total:
        return _view(Stage.SETUP, "good", f"{total} of {total} as declared")
    return _view(Stage.SETUP, "blue" if as_declared < total else "quiet", f"{as_declared} of {total} as declared")


def _development(pulls: Reading[tuple[PullRequest, ...]]) -> StageView:
    if pulls.value is None:
        return _view(Stage.DEVELOPMENT, "quiet", "not read yet")
    if not pulls.value:
        return _view(Stage.DEVELOPMENT, "quiet", "no open branch")
    newest = max(pulls.value, key=lambda pull: pull.updated_at)
    return _view(Stage.DEVELOPMENT, "good", f"{short_commit(newest.head_sha)} by {newest.author}")


def _integration(pulls: Reading[tuple[PullRequest, ...]]) -> StageView:
    if not pulls.value:
        return _view(Stage.INTEGRATION, "quiet", "no open pull request" if pulls.value is not None else "not read yet")
    states = [pull.check_state for pull in pulls.value]
    running = sum(state in {CheckState.RUNNING, CheckState.QUEUED} for state in states)
    passed = sum(state is CheckState.PASSED for state in states)
    if running:
        return _view(Stage.INTEGRATION, "blue", f"{len(states)} open · {running} being checked")
    return _view(Stage.INTEGRATION, "good", f"{passed} of {len(states)} pass their checks")


def _deployment(world: Surroundings) -> StageView:
    latest = world.latest
    if latest is None:
        return _view(Stage.DEPLOYMENT, "quiet", "no model version yet")
    name = f"v{latest.version.version}"
    smoke = next((e.smoke for e in latest.evidence if e.smoke), None)
    if latest.state is VersionState.TEST_FAILED:
        return _view(Stage.DEPLOYMENT, "bad", f"{name} failed its test")
    if latest.state in {VersionState.REGISTERED, VersionState.TESTING}:
        return _view(Stage.DEPLOYMENT, "blue", f"{name} is being tested")
    return _view(
        Stage.DEPLOYMENT, "good", f"{name} · smoke {smoke.passed} of {smoke.requests}" if smoke else f"{name} tested"
    )


def _delivery(world: Surroundings) -> StageView:
    active = world.active
    if active is not None:
        if active.phase is Phase.NEEDS_ATTENTION:
            return _view(Stage.DELIVERY, "bad", "needs attention")
        weight = reached_weight(active)
        where = f"at {weight} %" if weight is not None else active.phase.value
        return _view(Stage.DELIVERY, "blue", f"v{active.target.version} {where}")
    if world.waiting:
        return StageView(
            Stage.DELIVERY, "blue", "how_to_reg", Untrusted(f"v{world.waiting[0].version.version} waits for a decision")
        )
    serving = next((d for d in world.dossiers if d.state is VersionState.SERVING), None)
    return _view(
        Stage.DELIVERY, "good" if serving else "quiet", "nothing waits" if serving else "nothing to promote yet"
    )


def _monitoring(endpoint: Reading[Endpoint | None]) -> StageView:
    if endpoint.value is None or endpoint.value.stable is None:
        return _view(Stage.MONITORING, "quiet", "nothing serves yet")
    stable = endpoint.value.stable
    return _view(Stage.MONITORING, "good", f"{stable} serves {endpoint.value.traffic[stable]} %")
