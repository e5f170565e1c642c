"""What a registered version is made of, found out before it runs anywhere, and whether its environment is still that.

The limit: that a run made these bytes is known from the evidence which the run left, so whoever may run jobs in the
production workspace is trusted with it.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from backend.domain.supply_chain import SupplyChain
from backend.errors import NotFound
from backend.gateways.azureml.model_folder import read_folder
from backend.policy.supply_chain import judge_supply
from backend.promotion.context import StepContext


def refused(ctx: StepContext) -> str:
    """Why the model may not be deployed, "" where it may. Frozen under this promotion's key: looked at once."""
    key = f"{ctx.promotion.id}-supply_chain"
    frozen = ctx.store.evidence.find(key)
    if frozen is None:
        source = f"model {ctx.target.model}:{ctx.target.version}"
        frozen = ctx.store.evidence.freeze(key, _examine(ctx), ctx.target, source)
    found = frozen.supply_chain
    return _sentence(ctx, found.refusals) if found is not None and found.refusals else ""


def changed_since(ctx: StepContext) -> str:
    """Why what was tested would not be what is deployed, "" where it would.

    A version from before this was looked at has nothing to be held against; the click has refused it already.
    """
    target = ctx.target
    about = (e for e in ctx.store.evidence.of_version(target.model, target.version) if e.model_digest == target.digest)
    found = next((e.supply_chain for e in about if e.supply_chain is not None), None)
    if found is None:
        return ""
    if found.refusals:
        return _sentence(ctx, found.refusals)
    now = ctx.reach.assets.definition(target.environment)
    if found.environment is not None and now is not None and now.digest == found.environment.digest:
        return ""
    was, is_ = (one.digest[:15] if one else "nothing" for one in (found.environment, now))
    return f"The environment of v{target.version} is another than the one it was tested in: {is_}…, tested {was}…."


def _examine(ctx: StepContext) -> SupplyChain:
    target, jobs = ctx.target, ctx.reach.jobs
    with tempfile.TemporaryDirectory(prefix="mlops-model-") as place:
        folder = read_folder(ctx.reach.models.download(target.model, target.version, Path(place)))
    try:
        run_digest = str(json.loads(jobs.artefact(target.run, "evidence/model.json"))["digest"])
    except NotFound:
        run_digest = ""
    try:
        told = json.loads(jobs.artefact(target.run, "evidence/environment.json"))
    except NotFound:
        told = {}
    return judge_supply(
        folder,
        target.digest,
        target.run,
        run_digest,
        ctx.reach.assets.definition(target.environment),
        {str(name): str(version) for name, version in told.items()},
    )


def _sentence(ctx: StepContext, refusals: tuple[str, ...]) -> str:
    return f"v{ctx.target.version} is refused. {'. '.join(refusals)}."
