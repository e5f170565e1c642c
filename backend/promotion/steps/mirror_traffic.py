"""Copy a share of the live calls to the candidate, or end that: it answers nobody, and its answers are dropped."""

from __future__ import annotations

from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Failed, Outcome, Succeeded, Waiting
from backend.promotion.context import StepContext, changed_elsewhere, settled

LOOK_AGAIN = 0.5


def run(ctx: StepContext) -> Outcome:
    """Azure mirrors to one deployment, at most half of the calls, and never to one that has live traffic."""
    name, weight = ctx.target.deployment, ctx.step.weight or 0
    wanted = {name: weight} if weight else {}
    endpoint = ctx.endpoint()
    if endpoint is None:
        return Failed(reason=f"{ctx.target.endpoint} does not exist any more.")
    if not settled(endpoint):
        return Waiting(reason=f"{endpoint.name} is {endpoint.state.value.lower()}.", retry_after=LOOK_AGAIN)
    if endpoint.traffic == ctx.recorded_weights() and endpoint.mirror_traffic == wanted:
        said = f"{weight} % of the calls are copied to {name}" if weight else "No calls are copied any more"
        return Succeeded(reason=f"{said}.", output={"mirrored": weight})
    elsewhere = changed_elsewhere(ctx, endpoint)
    if elsewhere is not None:
        return elsewhere
    deployment = endpoint.deployment(name)
    if weight and (deployment is None or deployment.state is not ProvisioningState.SUCCEEDED):
        state = deployment.state.value.lower() if deployment else "gone"
        return Failed(reason=f"{name} is {state}, so no calls can be copied to it.")
    ctx.before_write()
    ctx.reach.endpoints.set_mirror(endpoint.name, wanted)
    return Waiting(reason=f"{endpoint.name} is being set to copy {weight} % to {name}.", retry_after=LOOK_AGAIN)
