"""Make sure that what runs is what was approved: by ARM's record, and by the deployment's own word."""

from __future__ import annotations

from backend.domain.endpoints import Deployment
from backend.domain.promotions import Failed, Outcome, Succeeded
from backend.gateways.azureml.client import version_in
from backend.promotion.context import StepContext
from backend.promotion.probes import PLAUSIBLE


def run(ctx: StepContext) -> Outcome:
    """Its limit: one instance answers, and the digest is the model's own word over its folder."""
    target = ctx.target
    endpoint = ctx.endpoint()
    deployment = endpoint.deployment(target.deployment) if endpoint else None
    if deployment is None:
        return Failed(reason=f"{target.deployment} is gone from {target.endpoint}.")
    recorded = _recorded_differences(ctx, deployment)
    if recorded:
        return Failed(reason=f"{deployment.name} is not what was asked for: {recorded}.")
    served = ctx.reach.endpoints.score(target.endpoint, PLAUSIBLE[:1], target.deployment)
    said = {
        "digest": (served.digest, target.digest),
        "threshold": (repr(served.threshold), repr(target.threshold)),
        "version": (served.model_version, target.version),
        "deployment": (served.deployment, target.deployment),
    }
    wrong = "; ".join(f"{name} {is_}, expected {wanted}" for name, (is_, wanted) in said.items() if is_ != wanted)
    if wrong:
        return Failed(reason=f"{deployment.name} answers as something else: {wrong}.")
    return Succeeded(
        reason=f"{deployment.name} serves {target.digest[:15]}… at threshold {target.threshold:g}.",
        output={"digest": served.digest, "threshold": served.threshold},
    )


def _recorded_differences(ctx: StepContext, deployment: Deployment) -> str:
    target = ctx.target
    records = {
        "model": (f"{deployment.model}:{deployment.version}", f"{target.model}:{target.version}"),
        "environment": (_named(deployment.environment), _named(target.environment)),
        "threshold": (deployment.variables.get("MLOPS_THRESHOLD", ""), repr(target.threshold)),
    }
    return "; ".join(f"{name} {is_}, expected {wanted}" for name, (is_, wanted) in records.items() if is_ != wanted)


def _named(asset_id: str) -> str:
    """Name and version of an asset id: ARM's spelling of the path in front varies in case."""
    return ":".join(version_in(asset_id))
