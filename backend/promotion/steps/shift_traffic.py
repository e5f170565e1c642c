"""Set the candidate's share of the traffic, if the traffic is as this promotion left it."""

from __future__ import annotations

from backend.domain.endpoints import Endpoint, ProvisioningState
from backend.domain.promotions import Failed, Kind, Outcome, Succeeded, Waiting
from backend.policy.freezes import frozen
from backend.policy.proving import split_in_words
from backend.promotion.context import StepContext, changed_elsewhere, settled, weights_at

LOOK_AGAIN = 0.5
LONGEST_LOOK = 60.0
"""Of a freeze that somebody may shorten: the settings are read when a worker starts."""


def run(ctx: StepContext) -> Outcome:
    target = ctx.target
    endpoint = ctx.endpoint()
    if endpoint is None:
        return Failed(reason=f"{target.endpoint} does not exist any more.")
    wanted = weights_at(ctx.promotion, ctx.step.weight or 0)
    if not settled(endpoint):
        return Waiting(reason=f"{endpoint.name} is {endpoint.state.value.lower()}.", retry_after=LOOK_AGAIN)
    if endpoint.traffic == wanted:
        return Succeeded(
            reason=f"{endpoint.name}: {split_in_words(wanted)}.", output={"traffic": split_in_words(wanted)}
        )
    ctx.refuse_quarantined()
    ctx.refuse_unapproved()
    elsewhere = changed_elsewhere(ctx, endpoint)
    if elsewhere is not None:
        return elsewhere
    return _unready(endpoint, wanted) or _frozen(ctx) or _set(ctx, endpoint, wanted)


def _frozen(ctx: StepContext) -> Waiting | None:
    """A new version gains nothing inside a freeze window. Neither a rollback nor the way back asks."""
    now = ctx.clock()
    closed = frozen(ctx.project.freeze, now) if ctx.promotion.kind is Kind.PROMOTE else None
    if closed is None:
        return None
    wait = min(LONGEST_LOOK, max(LOOK_AGAIN, (closed.until - now).total_seconds()))
    return Waiting(reason=f"{closed.sentence} The traffic stays as it is.", retry_after=wait, held=True)


def _unready(endpoint: Endpoint, wanted: dict[str, int]) -> Failed | None:
    for name in wanted:
        deployment = endpoint.deployment(name)
        if deployment is None or deployment.state is not ProvisioningState.SUCCEEDED:
            state = deployment.state.value.lower() if deployment else "gone"
            return Failed(reason=f"{name} is {state}, so it can take no traffic.")
    return None


def _set(ctx: StepContext, endpoint: Endpoint, wanted: dict[str, int]) -> Waiting:
    """Azure refuses live traffic to what is mirrored to; a rollback must not wait for whoever began that."""
    ctx.before_write()
    if any(name in endpoint.mirror_traffic for name in wanted):
        ctx.reach.endpoints.set_mirror(endpoint.name, {})
        return Waiting(reason=f"A mirror to {', '.join(wanted)} is being ended.", retry_after=LOOK_AGAIN)
    ctx.reach.endpoints.set_traffic(endpoint.name, wanted)
    return Waiting(reason=f"{endpoint.name} is being set to {split_in_words(wanted)}.", retry_after=LOOK_AGAIN)
