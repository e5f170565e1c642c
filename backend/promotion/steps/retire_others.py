"""On the test endpoint: one candidate at a time, so the ones before it go."""

from __future__ import annotations

from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Failed, Outcome, Succeeded, Waiting
from backend.promotion.context import StepContext

LOOK_AGAIN = 1.0


def run(ctx: StepContext) -> Outcome:
    endpoint = ctx.endpoint()
    if endpoint is None:
        return Failed(reason=f"{ctx.target.endpoint} does not exist any more.")
    others = [d for d in endpoint.deployments if d.name != ctx.target.deployment]
    if not others:
        return Succeeded(reason=f"{ctx.target.deployment} is alone on {endpoint.name}.")
    for deployment in others:
        if endpoint.traffic.get(deployment.name, 0):
            return Failed(reason=f"{deployment.name} has traffic again, so it is not removed.")
        if deployment.state not in {ProvisioningState.DELETING, ProvisioningState.CREATING}:
            ctx.before_write()
            # Its dated end has come early: what is gone must not be waited for, nor missed.
            ctx.store.retirements.cancel(endpoint.name, deployment.name, f"{ctx.target.deployment} takes its place")
            ctx.reach.endpoints.delete_deployment(endpoint.name, deployment.name)
    names = ", ".join(d.name for d in others)
    return Waiting(reason=f"{names} is being removed.", retry_after=LOOK_AGAIN)
