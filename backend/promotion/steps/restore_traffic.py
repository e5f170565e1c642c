"""The way back, first: traffic as it was found at the beginning."""

from __future__ import annotations

from backend.domain.endpoints import Endpoint, ProvisioningState
from backend.domain.promotions import Failed, Outcome, Skipped, Snapshot, Succeeded, Waiting
from backend.policy.proving import split_in_words
from backend.promotion.context import StepContext, settled

LOOK_AGAIN = 0.5


def run(ctx: StepContext) -> Outcome:
    snapshot = ctx.promotion.snapshot
    if snapshot is None:
        return Skipped(reason="Production was never touched.")
    endpoint = ctx.endpoint()
    if endpoint is None:
        return Failed(reason=f"{ctx.target.endpoint} does not exist any more.")
    if not settled(endpoint):
        return Waiting(reason=f"{endpoint.name} is {endpoint.state.value.lower()}.", retry_after=LOOK_AGAIN)
    if endpoint.traffic == snapshot.traffic and not endpoint.mirror_traffic:
        return Succeeded(reason=f"{endpoint.name}: {split_in_words(snapshot.traffic)}.")
    return _unready(endpoint, snapshot) or _restore(ctx, endpoint, snapshot)


def _unready(endpoint: Endpoint, snapshot: Snapshot) -> Failed | None:
    for name in snapshot.traffic if endpoint.traffic != snapshot.traffic else ():
        deployment = endpoint.deployment(name)
        if deployment is None or deployment.state is not ProvisioningState.SUCCEEDED:
            state = deployment.state.value.lower() if deployment else "gone"
            return Failed(reason=f"{name} is {state}, so the traffic cannot return to it.")
    return None


def _restore(ctx: StepContext, endpoint: Endpoint, snapshot: Snapshot) -> Waiting:
    """One thing at a time: live traffic, then the mirror, which there was none of when this began.

    The mirror goes first where it leads to what is to have live traffic again: Azure refuses both at once.
    """
    if endpoint.traffic == snapshot.traffic or any(name in endpoint.mirror_traffic for name in snapshot.traffic):
        ctx.before_write()
        ctx.reach.endpoints.set_mirror(endpoint.name, {})
        return Waiting(reason=f"The mirror of {endpoint.name} is being ended.", retry_after=LOOK_AGAIN)
    for name in snapshot.traffic:
        ctx.store.retirements.cancel(endpoint.name, name, "the promotion that was to replace it was rolled back")
    ctx.before_write()
    ctx.reach.endpoints.set_traffic(endpoint.name, snapshot.traffic)
    return Waiting(
        reason=f"{endpoint.name} is being returned to {split_in_words(snapshot.traffic)}.", retry_after=LOOK_AGAIN
    )
