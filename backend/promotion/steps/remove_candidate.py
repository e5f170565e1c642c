"""The way back, second: the candidate that this promotion created goes."""

from __future__ import annotations

from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Failed, Outcome, Skipped, Succeeded, Waiting
from backend.promotion.context import StepContext

LOOK_AGAIN = 1.0


def run(ctx: StepContext) -> Outcome:
    """A deployment that was adopted stays: somebody else keeps it warm. One with traffic is never deleted."""
    name = ctx.target.deployment
    endpoint = ctx.endpoint()
    deployment = endpoint.deployment(name) if endpoint else None
    if endpoint is None or deployment is None:
        return Succeeded(reason=f"{name} is gone.")
    if not ctx.mine(deployment):
        return Skipped(reason=f"{name} was there before this promotion and stays.")
    if endpoint.traffic.get(name, 0):
        return Failed(reason=f"{name} still has {endpoint.traffic[name]} % of the traffic, so it is not removed.")
    if endpoint.mirror_traffic.get(name, 0):
        return Failed(reason=f"{endpoint.mirror_traffic[name]} % of the calls are copied to {name}: it is not removed.")
    if deployment.state is ProvisioningState.CREATING:
        return Waiting(reason=f"{name} is still being created; it is removed after that.", retry_after=LOOK_AGAIN)
    if deployment.state is not ProvisioningState.DELETING:
        ctx.before_write()
        ctx.reach.endpoints.delete_deployment(endpoint.name, name)
    return Waiting(reason=f"{name} is being removed.", retry_after=LOOK_AGAIN)
