"""What a step may reach while it runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from backend.domain.approvals import APPROVED
from backend.domain.clock import Clock
from backend.domain.endpoints import Change, Deployment, Endpoint, ProvisioningState
from backend.domain.promotions import (
    FOUND,
    FOUND_SINCE,
    Failed,
    Kind,
    Outcome,
    Promotion,
    Step,
    StepKind,
    StepRecord,
    StepState,
    Target,
)
from backend.domain.unexplained import EventKind, Noticed
from backend.errors import PolicyDenied, Rejected, RemoteError
from backend.gateways.azureml.assets import Assets
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.collected import CollectedInputs
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.azureml.models import Models
from backend.gateways.github.contents import Contents
from backend.gateways.monitor.logs import Logs
from backend.gateways.monitor.metrics import Metrics
from backend.policy.approval import quarantined
from backend.policy.proving import split_in_words
from backend.policy.traffic_story import MIRRORED
from backend.settings_project import Project
from backend.store import Store

UNAPPROVED = "Approval: nobody has approved"
"""What begins the refusal to run a version that nobody approved."""


class LeaseLost(Exception):
    """Another worker may have taken over, so nothing more may be written to the cloud."""


@dataclass(frozen=True)
class Reach:
    """The gateways of one project that steps use; `workspace` is the one that holds both endpoints."""

    workspace: Workspace
    endpoints: Endpoints
    models: Models
    jobs: Jobs
    assets: Assets
    collected: CollectedInputs
    contents: Contents
    logs: Logs
    metrics: Metrics


@dataclass(frozen=True)
class StepContext:
    """One run of one step. `still_mine` renews the lease and answers False once another worker has it."""

    promotion: Promotion
    record: StepRecord
    project: Project
    store: Store
    reach: Reach
    clock: Clock
    still_mine: Callable[[], bool]

    @property
    def step(self) -> Step:
        return self.record.step

    @property
    def target(self) -> Target:
        return self.promotion.target

    def endpoint(self) -> Endpoint | None:
        """The endpoint as it is now."""
        return self.reach.endpoints.get(self.target.endpoint)

    def before_write(self) -> None:
        """To be called immediately before every write to the cloud; raises LeaseLost."""
        if not self.still_mine():
            raise LeaseLost(self.promotion.id)

    def refuse_quarantined(self) -> None:
        """Before a target is created or given traffic, whoever asked for it and when; raises PolicyDenied."""
        held = self.store.quarantines.on(self.target.model, self.target.version, self.target.digest)
        if held is not None:
            why = f"Quarantine: {quarantined(self.target.version, held)}"
            raise PolicyDenied(why, (why,))

    def refuse_unapproved(self) -> None:
        """As above, for a promotion of bytes that nobody has approved, by whatever way it came into the queue.

        Whether an approval still counts, and from how many, was judged at the click that recorded the promotion.
        """
        if self.promotion.kind is not Kind.PROMOTE:
            return
        target = self.target
        given = self.store.approvals.of_version(target.model, target.version)
        if not any(one.decision == APPROVED and one.digest == target.digest for one in given):
            why = f"{UNAPPROVED} v{target.version} ({target.digest[:19]})."
            raise PolicyDenied(why, (why,))

    def mine(self, deployment: Deployment) -> bool:
        """Whether this promotion created the deployment, and may therefore remove it."""
        return deployment.tags.get("promotion") == self.promotion.id

    def recorded_weights(self) -> dict[str, int] | None:
        """The traffic this promotion last left behind: its latest shift, else the snapshot; None without either."""
        shift = last_shift(self.promotion)
        if shift is not None:
            return weights_at(self.promotion, shift.step.weight or 0)
        return self.promotion.snapshot.traffic if self.promotion.snapshot else None

    def recorded_mirror(self) -> dict[str, int]:
        """The mirror this promotion last left behind; none before it has set one."""
        mirror = last_mirror(self.promotion)
        return {self.target.deployment: mirror.step.weight} if mirror and mirror.step.weight else {}


Run = Callable[[StepContext], Outcome]


def last_shift(promotion: Promotion) -> StepRecord | None:
    shifts = [r for r in promotion.steps if r.step.kind is StepKind.SHIFT_TRAFFIC and r.state is StepState.SUCCEEDED]
    return shifts[-1] if shifts else None


def last_mirror(promotion: Promotion) -> StepRecord | None:
    kind = StepKind.MIRROR_TRAFFIC
    return next((r for r in reversed(promotion.steps) if r.step.kind is kind and r.state is StepState.SUCCEEDED), None)


def changed_elsewhere(ctx: StepContext, endpoint: Endpoint) -> Failed | None:
    """That live or mirrored traffic is not as this promotion left it: somebody else's change stops it.

    A test endpoint may be left in any state by an earlier test; and no mirror of anybody's stands in a rollback's way.
    """
    if ctx.promotion.kind is Kind.STAGE:
        return None
    left = ctx.recorded_weights() or {}
    if endpoint.traffic != left:
        return _changed(ctx, endpoint, left)
    mirror = ctx.recorded_mirror()
    if ctx.promotion.kind is Kind.PROMOTE and endpoint.mirror_traffic != mirror:
        found, expected = split_in_words(endpoint.mirror_traffic), split_in_words(mirror)
        split = split_in_words(endpoint.live)
        return Failed(
            reason=f"The mirrored traffic was changed elsewhere: expected {expected}, found {found}.",
            noticed=(
                _noticed(
                    endpoint,
                    f"{split}{MIRRORED}{expected}",
                    f"{split}{MIRRORED}{found}",
                    _last_change(ctx, endpoint),
                ),
            ),
        )
    return None


def _last_change(ctx: StepContext, endpoint: Endpoint) -> Change:
    """Who did it and since when, where Azure tells: it is put right within seconds, and the ledger has to know."""
    try:
        return ctx.reach.endpoints.last_change(endpoint.name)
    except (RemoteError, Rejected):
        return Change()


def _noticed(endpoint: Endpoint, expected: str, actual: str, change: Change) -> Noticed:
    """In the words of the look at what serves, so that the same change seen by both is one event."""
    return Noticed(
        kind=EventKind.TRAFFIC,
        subject=f"endpoint/{endpoint.name}",
        expected=expected,
        actual=actual,
        by=change.by,
        happened_at=change.at,
    )


def _changed(ctx: StepContext, endpoint: Endpoint, left: dict[str, int]) -> Failed:
    change = _last_change(ctx, endpoint)
    found, expected = split_in_words(endpoint.traffic), split_in_words(left)
    by = f" by {change.by}" if change.by else ""
    since = {FOUND_SINCE: change.at.isoformat()} if change.at else {}
    return Failed(
        reason=f"The traffic was changed elsewhere{by}: expected {expected}, found {found}.",
        output={FOUND: json.dumps(endpoint.live, sort_keys=True), **since},
        noticed=(_noticed(endpoint, expected, found, change),),
    )


def shifted_at(promotion: Promotion) -> datetime | None:
    shift = last_shift(promotion)
    return shift.finished_at if shift else None


def weights_at(promotion: Promotion, weight: int) -> dict[str, int]:
    """Candidate and stable at a step of the rollout; at 100 the candidate alone."""
    candidate = promotion.target.deployment
    stable = promotion.snapshot.stable if promotion.snapshot else None
    if weight >= 100 or stable is None or stable == candidate:
        return {candidate: 100}
    return {stable: 100 - weight, candidate: weight}


def settled(endpoint: Endpoint) -> bool:
    """Whether no change of the endpoint itself is under way."""
    return endpoint.state is ProvisioningState.SUCCEEDED
