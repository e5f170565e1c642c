"""Set the candidate's share of the traffic, if the traffic is as this promotion left it."""

from __future__ import annotations

from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Failed, Kind, Outcome, Succeeded, Waiting
from backend.promotion.context import StepContext, settled, shown, weights_at

LOOK_AGAIN = 0.5


def run(ctx: StepContext) -> Outcome:
    target = ctx.target
    endpoint = ctx.endpoint()
    if endpoint is None:
        return Failed(reason=f"{target.endpoint} does not exist any more.")
    wanted = weights_at(ctx.promotion, ctx.step.weight or 0)
    if not settled(endpoint):
        return Waiting(reason=f"{endpoint.name} is {endpoint.state.value.lower()}.", retry_after=LOOK_AGAIN)
    if endpoint.traffic == wanted:
        return Succeeded(reason=f"{endpoint.name}: {shown(wanted)}.", output={"traffic": shown(wanted)})
    ctx.refuse_quarantined()
    left = ctx.recorded_weights()
    # A test endpoint may be left in any state by an earlier test; production must be as it was recorded.
    if ctx.promotion.kind is not Kind.STAGE and endpoint.traffic != left:
        return Failed(
            reason=f"The traffic was changed elsewhere: expected {shown(left or {})}, found {shown(endpoint.traffic)}."
        )
    for name in wanted:
        deployment = endpoint.deployment(name)
        if deployment is None or deployment.state is not ProvisioningState.SUCCEEDED:
            state = deployment.state.value.lower() if deployment else "gone"
            return Failed(reason=f"{name} is {state}, so it can take no traffic.")
    ctx.before_write()
    ctx.reach.endpoints.set_traffic(endpoint.name, wanted)
    return Waiting(reason=f"{endpoint.name} is being set to {shown(wanted)}.", retry_after=LOOK_AGAIN)
