"""Read the rollout of the version's commit, and compare the version with what serves production, on production data."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from backend.domain.evidence import Comparison, Side, SmokeResult
from backend.domain.promotions import Failed, Outcome, Skipped, StepKind, Succeeded, Target, Waiting
from backend.domain.registry import ModelVersion
from backend.domain.runs import RunState
from backend.errors import Invalid, NotFound, RemoteRejected
from backend.gateways.azureml.jobs import JobRequest, Jobs
from backend.policy.comparison import figures, in_words, judge
from backend.policy.holdout import read_paired
from backend.promotion.context import StepContext
from backend.promotion.plan import ROLLOUT_PATH, read_rollout

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
    smoke = _smoke(ctx)
    if smoke is not None:
        ctx.store.evidence.freeze(f"{ctx.promotion.id}-smoke", smoke, ctx.target, ctx.promotion.id)
    stable = ctx.store.promotions.stable(ctx.project.endpoint)
    if stable is None:
        return Skipped(reason="No champion yet: the first version has nothing to be compared with.")
    if stable.target.digest == ctx.target.digest:
        return Skipped(reason=f"v{ctx.target.version} is what serves production.")
    return _compare(ctx, stable.target)


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


def _compare(ctx: StepContext, champion: Target) -> Outcome:
    name = job_name(ctx.promotion.id, champion)
    try:
        state = ctx.reach.jobs.state(name)
    except NotFound:
        return _submit(ctx, champion, name)
    if state in {RunState.FAILED, RunState.CANCELLED}:
        return Failed(reason=f"The evaluation {name} {state.value}: {ctx.reach.jobs.failure(name)}")
    if state is not RunState.COMPLETED:
        return Waiting(reason=f"The evaluation against v{champion.version} is {state.value}.", retry_after=LOOK_AGAIN)
    version = ctx.reach.models.get(ctx.target.model, ctx.target.version)
    comparison = read_comparison(ctx.reach.jobs, name, version, champion, ctx.clock())
    frozen = ctx.store.evidence.freeze(f"{ctx.promotion.id}-comparison", comparison, ctx.target, name)
    words = in_words(comparison.on("auc"), comparison.rows)
    return Succeeded(reason=f"Against v{champion.version} {words}.", output={"evidence": frozen.digest, "job": name})


def _submit(ctx: StepContext, champion: Target, name: str) -> Outcome:
    version = ctx.reach.models.get(ctx.target.model, ctx.target.version)
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


def read_comparison(jobs: Jobs, job: str, version: ModelVersion, champion: Target, now: datetime) -> Comparison:
    """The paired comparison from the job's evidence, each model at the threshold it is released with.

    Raises RemoteRejected where the job judged other models, or left evidence that cannot be compared.
    """
    digests = _json(jobs, job, "models.json")
    expected = {"champion": champion.digest, "challenger": version.digest}
    if digests != expected:
        raise RemoteRejected(
            f"The evaluation {job} read {digests}, not the registered {expected}: the registry holds other bytes.",
            service="Azure ML",
            operation="compare two models",
        )
    dataset = _json(jobs, job, "dataset.json")
    try:
        holdout = read_paired(jobs.artefact(job, "evidence/paired.parquet"))
        judged = judge(holdout, champion.threshold, version.threshold)
    except Invalid as error:
        raise RemoteRejected(
            f"The evaluation {job} left evidence that cannot be compared: {error}",
            service="Azure ML",
            operation="compare two models",
        ) from error
    return Comparison(
        champion=Side(
            commit=champion.commit,
            run=champion.run,
            version=champion.version,
            digest=champion.digest,
            threshold=champion.threshold,
        ),
        challenger=Side(
            commit=version.lineage.commit,
            run=version.lineage.run,
            version=version.version,
            digest=version.digest,
            threshold=version.threshold,
        ),
        data_asset=version.lineage.data_asset,
        data_digest=str(dataset["digest"]),
        rows=len(holdout.outcome),
        positives=int(holdout.ill.sum()),
        shared_groups=int(dataset["shared_groups"]),
        differences=judged.differences,
        figures=figures(judged.differences),
        made_at=now,
        consequence=judged.consequence,
        subgroups=judged.subgroups,
        predictions=holdout.digests,
    )


def _json(jobs: Jobs, job: str, file: str) -> Any:
    return json.loads(jobs.artefact(job, f"evidence/{file}"))
