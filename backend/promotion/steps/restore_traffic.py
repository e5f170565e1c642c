"""The way back, first: traffic as it was found at the beginning."""

from __future__ import annotations

from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Failed, Outcome, Skipped, Succeeded, Waiting
from backend.promotion.context import StepContext, settled, shown

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
    if endpoint.traffic == snapshot.traffic:
        return Succeeded(reason=f"{endpoint.name}: {shown(snapshot.traffic)}.")
    for name in snapshot.traffic:
        deployment = endpoint.deployment(name)
        if deployment is None or deployment.state is not ProvisioningState.SUCCEEDED:
            state = deployment.state.value.lower() if deployment else "gone"
            return Failed(reason=f"{name} is {state}, so the traffic cannot return to it.")
        ctx.store.retirements.cancel(endpoint.name, name, "the promotion that was to replace it was rolled back")
    ctx.before_write()
    ctx.reach.endpoints.set_traffic(endpoint.name, snapshot.traffic)
    return Waiting(reason=f"{endpoint.name} is being returned to {shown(snapshot.traffic)}.", retry_after=LOOK_AGAIN)
