"""Create the candidate's deployment at 0 %, or adopt the one that is there under its name."""

from __future__ import annotations

from backend.domain.endpoints import Deployment, Endpoint, ProvisioningState
from backend.domain.promotions import Failed, Kind, Outcome, Succeeded, Waiting
from backend.promotion.context import StepContext
from backend.promotion.supply_chain import changed_since, refused

BEGUN: dict[str, str | int | float | bool] = {"begun": True}
"""That there is, or may be, something to clear away."""
LOOK_AGAIN = 1.0


def run(ctx: StepContext) -> Outcome:
    """To deploy a model is to run what loading it runs: what a version is made of is looked at before anything else."""
    refusal = refused(ctx) if ctx.promotion.kind is Kind.STAGE else ""
    return Failed(reason=refusal) if refusal else _ensure(ctx)


def _ensure(ctx: StepContext) -> Outcome:
    """The name tells what the deployment is made of, so one that is there and works is the one wanted."""
    target = ctx.target
    ctx.refuse_quarantined()
    ctx.refuse_unapproved()
    endpoint = ctx.endpoint()
    if endpoint is None:
        return Failed(reason=f"{target.endpoint} does not exist; apply the setup first.")
    if ctx.promotion.kind is Kind.STAGE and _ends(ctx):
        ctx.store.retirements.cancel(target.endpoint, target.deployment, "it is tested again")
    if ctx.store.retirements.removing(target.endpoint, target.deployment):
        return Waiting(
            reason=f"{target.deployment} is being removed; it is created anew after that.", retry_after=LOOK_AGAIN
        )
    deployment = endpoint.deployment(target.deployment)
    if deployment is None:
        return _create(ctx)
    if deployment.state is ProvisioningState.SUCCEEDED:
        adopted = not ctx.mine(deployment)
        how = "was still warm" if adopted else "runs"
        return Succeeded(reason=f"{deployment.name} {how} on {endpoint.name}.", output={"adopted": adopted})
    if deployment.state is ProvisioningState.FAILED:
        return _failed(ctx, endpoint, deployment)
    return Waiting(
        reason=f"{deployment.name} is {deployment.state.value.lower()}.", retry_after=LOOK_AGAIN, output=BEGUN
    )


def _ends(ctx: StepContext) -> bool:
    return any(r.deployment == ctx.target.deployment for r in ctx.store.retirements.open(ctx.target.endpoint))


def _create(ctx: StepContext) -> Outcome:
    target = ctx.target
    changed = changed_since(ctx) if ctx.promotion.kind is not Kind.STAGE else ""
    if changed:
        return Failed(reason=changed)
    code = ctx.reach.jobs.code_id(target.run)
    tags = {
        "promotion": ctx.promotion.id,
        "requested_by": ctx.promotion.requested_by,
        "commit": target.commit,
        "digest": target.digest,
    }
    ctx.before_write()
    ctx.reach.endpoints.create_deployment(
        target,
        code=code,
        instance_type=ctx.project.instance_type,
        instance_count=ctx.project.instance_count,
        tags=tags,
        # What the test endpoint is asked is ours and no patient's.
        collect_percent=ctx.project.collect_percent if target.endpoint == ctx.project.endpoint else 0.0,
    )
    return Waiting(reason=f"{target.deployment} is being created.", retry_after=LOOK_AGAIN, output=BEGUN)


def _failed(ctx: StepContext, endpoint: Endpoint, deployment: Deployment) -> Outcome:
    """Our own failure is final; what an earlier promotion left behind is cleared away first."""
    if ctx.mine(deployment):
        why = deployment.problem or "the service gave no reason"
        return Failed(reason=f"{deployment.name} did not start: {why}", output=BEGUN)
    if endpoint.traffic.get(deployment.name, 0):
        return Failed(reason=f"{deployment.name} has failed while it has traffic; roll back first.")
    ctx.before_write()
    ctx.reach.endpoints.delete_deployment(endpoint.name, deployment.name)
    return Waiting(reason=f"An earlier {deployment.name} that had failed is being removed.", retry_after=LOOK_AGAIN)
