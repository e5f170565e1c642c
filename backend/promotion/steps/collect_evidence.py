"""Freeze all that a decision will be made on: rules, rollout, what runs found, and the comparison with production."""

from __future__ import annotations

import hashlib

from backend.domain.evidence import Body, Evidence, SmokeResult
from backend.domain.gates import GATES_PATH, GateFile
from backend.domain.promotions import Failed, Outcome, Skipped, StepKind, Succeeded, Target, Waiting
from backend.domain.registry import ModelVersion
from backend.domain.runs import RunState
from backend.errors import NotFound
from backend.gateways.azureml.jobs import JobRequest
from backend.policy.card_file import CARD_PATH, read_card
from backend.policy.comparison import in_words
from backend.policy.gate_file import read_gates
from backend.promotion.context import StepContext
from backend.promotion.contract_evidence import read_contract_of
from backend.promotion.plan import ROLLOUT_PATH, read_rollout
from backend.promotion.run_evidence import Sides, band_margin, read_comparison, read_holdout, read_robustness

COMMAND = (
    "python -m training.evaluate --data ${{inputs.data}} --params training/params.toml "
    "--champion ${{inputs.champion}} --challenger ${{inputs.challenger}} --evidence-dir evidence"
)
EXPERIMENT = "diabetes-evaluation"
LOOK_AGAIN = 2.0


def run(ctx: StepContext) -> Outcome:
    """Everything is frozen under keys of this promotion, so a repeated step finds what it left."""
    content = ctx.reach.contents.file(ROLLOUT_PATH, ctx.target.commit)
    if content is None:
        return Failed(reason=f"{ROLLOUT_PATH} is missing at commit {ctx.target.commit[:7]}.")
    ctx.store.evidence.keep_rollout(ctx.target, read_rollout(content, ctx.target.commit))
    stable = ctx.store.promotions.stable(ctx.project.endpoint)
    gates = _gates(ctx, stable.target if stable else None)
    if isinstance(gates, Failed):
        return gates
    card = read_card(ctx.reach.contents.file(CARD_PATH, ctx.target.commit), ctx.target.commit)
    _freeze(ctx, "card", card, f"{CARD_PATH}@{ctx.target.commit}")
    run_contract = read_contract_of(ctx.reach.jobs, ctx.target, stable.target if stable else None, ctx.clock())
    _freeze(ctx, "contract", run_contract, ctx.target.run)
    smoke = _smoke(ctx)
    if smoke is not None:
        _freeze(ctx, "smoke", smoke, ctx.promotion.id)
    version = ctx.reach.models.get(ctx.target.model, ctx.target.version)
    _freeze(ctx, "holdout", read_holdout(ctx.reach.jobs, version, ctx.target.threshold, ctx.clock()), ctx.target.run)
    robustness = read_robustness(ctx.reach.jobs, ctx.target.run, ctx.clock())
    if robustness is not None:
        _freeze(ctx, "robustness", robustness, ctx.target.run)
    if stable is None:
        return Skipped(reason="No champion yet: the first version has nothing to be compared with.")
    if (stable.target.digest, stable.target.threshold) == (ctx.target.digest, ctx.target.threshold):
        return Skipped(reason=f"v{ctx.target.version} is what serves production.")
    return _compare(ctx, version, stable.target, gates)


def _freeze(ctx: StepContext, kind: str, body: Body, source: str) -> Evidence:
    return ctx.store.evidence.freeze(f"{ctx.promotion.id}-{kind}", body, ctx.target, source)


def _gates(ctx: StepContext, champion: Target | None) -> GateFile | Failed:
    """The rules of the default branch as they are now: the lead's rules of today judge every version."""
    branch = ctx.project.default_branch
    content = ctx.reach.contents.file(GATES_PATH, branch)
    if content is None:
        return Failed(reason=f"{GATES_PATH} is missing on {branch}.")
    read = read_gates(content, branch)
    if champion is not None and champion.commit and champion.commit != ctx.target.commit:
        before = ctx.reach.contents.file(GATES_PATH, champion.commit)
        own = ctx.reach.contents.file(GATES_PATH, ctx.target.commit)
        read = read.model_copy(update={"changed_with_model": before != own})
    _freeze(ctx, "gates", read, f"{GATES_PATH}@{branch}")
    return read


def _smoke(ctx: StepContext) -> SmokeResult | None:
    record = next((r for r in ctx.promotion.steps if r.step.kind is StepKind.SMOKE_TEST), None)
    if record is None or "requests" not in record.output:
        return None
    output = record.output
    return SmokeResult(
        requests=int(output["requests"]),
        passed=int(output["passed"]),
        failures=tuple(str(output.get("failures", "")).splitlines()),
        model_version=ctx.target.version,
        digest=ctx.target.digest,
        p95_ms=float(output["p95_ms"]),
    )


def _compare(ctx: StepContext, version: ModelVersion, champion: Target, gates: GateFile) -> Outcome:
    name = job_name(ctx.promotion.id, champion)
    try:
        state = ctx.reach.jobs.state(name)
    except NotFound:
        return _submit(ctx, version, champion, name)
    if state.broken_off:
        return Failed(reason=f"The evaluation {name} {state.value}: {ctx.reach.jobs.failure(name)}")
    if state is not RunState.COMPLETED:
        return Waiting(reason=f"The evaluation against v{champion.version} is {state.value}.", retry_after=LOOK_AGAIN)
    sides = Sides(champion, version, ctx.target.threshold, band_margin(gates))
    comparison = read_comparison(ctx.reach.jobs, name, sides, ctx.clock())
    frozen = _freeze(ctx, "comparison", comparison, name)
    words = in_words(comparison.on("auc"), comparison.rows)
    return Succeeded(reason=f"Against v{champion.version} {words}.", output={"evidence": frozen.digest, "job": name})


def _submit(ctx: StepContext, version: ModelVersion, champion: Target, name: str) -> Outcome:
    asset, _, number = version.lineage.data_asset.partition(":")
    if not number:
        return Failed(reason=f"v{version.version} names no data asset with a version, so its holdout is not known.")
    request = JobRequest(
        name=name,
        display_name=f"v{version.version} against v{champion.version}",
        experiment=EXPERIMENT,
        command=COMMAND,
        code=ctx.reach.jobs.code_id(ctx.target.run),
        environment=ctx.target.environment,
        compute=ctx.project.compute,
        inputs={
            "data": ctx.reach.workspace.data_id(asset, number),
            "champion": ctx.reach.workspace.model_id(champion.model, champion.version),
            "challenger": ctx.reach.workspace.model_id(ctx.target.model, ctx.target.version),
        },
        tags={
            "purpose": "evaluate",
            "commit": ctx.target.commit,
            "pull_request": version.lineage.pull_request,
            "data_asset": version.lineage.data_asset,
            "data_digest": version.lineage.data_digest,
            "promotion": ctx.promotion.id,
        },
    )
    ctx.before_write()
    ctx.reach.jobs.submit(request)
    return Waiting(reason=f"The evaluation against v{champion.version} was submitted.", retry_after=LOOK_AGAIN)


def job_name(promotion_id: str, champion: Target) -> str:
    """The same comparison is the same job; Azure ML's run ids hold 32 characters."""
    told = hashlib.sha256(f"{promotion_id}\n{champion.deployment}".encode()).hexdigest()[:12]
    return f"evaluate-{told}"
