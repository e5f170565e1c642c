"""What an observation reads from Azure Monitor: nothing is asked that the rollout sets no limit to."""

from __future__ import annotations

from datetime import datetime

from backend.domain.analysis import Seen, Side
from backend.domain.promotions import Kind, Step
from backend.domain.telemetry import Scores, TrafficSummary
from backend.errors import ConfigurationError
from backend.promotion.context import StepContext

NO_SCORES = Scores(positives=0, risks=())


def read_window(ctx: StepContext, since: datetime, until: datetime) -> Seen:
    """The candidate from `since` to `until`, and what serves beside it in the same minutes."""
    step, stable = ctx.step, _stable(ctx)
    ours = ctx.reach.logs.summary(ctx.target.endpoint, ctx.target.deployment, since, until)
    compared = bool(stable) and (step.max_error_increase < 1 or step.max_p95_ratio > 0 or step.max_positive_shift < 1)
    theirs = ctx.reach.logs.summary(ctx.target.endpoint, stable, since, until) if compared else None
    sides = _sides(ctx, ours, theirs, (since, until))
    cpu, memory, blind = _minutes(ctx, since, until)
    return Seen(candidate=sides[0], stable=sides[1] if theirs else None, cpu=cpu, memory=memory, blind=blind)


def _stable(ctx: StepContext) -> str:
    snapshot = ctx.promotion.snapshot
    stable = snapshot.stable if snapshot and ctx.promotion.kind is Kind.PROMOTE else None
    return stable if stable and stable != ctx.target.deployment else ""


def _sides(
    ctx: StepContext, ours: TrafficSummary, theirs: TrafficSummary | None, window: tuple[datetime, datetime]
) -> tuple[Side, Side | None]:
    step, endpoint = ctx.step, ctx.target.endpoint
    slow = slower = 0
    if ours.requests and step.max_p95_ms:
        slow = ctx.reach.logs.slower(endpoint, ours.deployment, step.max_p95_ms, *window)
    if ours.requests and step.max_p95_ratio and theirs and theirs.p95_ms is not None:
        slower = ctx.reach.logs.slower(endpoint, ours.deployment, step.max_p95_ratio * theirs.p95_ms, *window)
    first = _side(ours, _scores(ctx, step, ours, window)).model_copy(update={"slow": slow, "slower": slower})
    return first, _side(theirs, _scores(ctx, step, theirs, window)) if theirs else None


def _scores(ctx: StepContext, step: Step, of: TrafficSummary, window: tuple[datetime, datetime]) -> Scores:
    if step.max_positive_shift >= 1 or not of.requests:
        return NO_SCORES
    endpoint_id = ctx.reach.workspace.endpoint_id(ctx.target.endpoint)
    return ctx.reach.logs.scores(endpoint_id, of.deployment, *window)


def _side(summary: TrafficSummary, scores: Scores) -> Side:
    return Side(
        deployment=summary.deployment,
        calls=summary.requests,
        errors=summary.errors,
        p95_ms=summary.p95_ms,
        positives=scores.positives,
        risks=scores.risks,
    )


def _minutes(ctx: StepContext, since: datetime, until: datetime) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    """Whole minutes of processor and memory, oldest first, and why there are none where nobody measures."""
    if not (ctx.step.max_cpu_percent or ctx.step.max_memory_percent):
        return (), (), ""
    endpoint_id = ctx.reach.workspace.endpoint_id(ctx.target.endpoint)
    try:
        points = ctx.reach.metrics.capacity(endpoint_id, [ctx.target.deployment], since, until)
    except ConfigurationError as error:
        return (), (), str(error)
    cpu = tuple(p.cpu_percent for p in points if p.cpu_percent is not None)
    return cpu, tuple(p.memory_percent for p in points if p.memory_percent is not None), ""
