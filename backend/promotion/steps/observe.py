"""Watch the candidate at its weight: errors and latency since the shift, against the limits of the rollout."""

from __future__ import annotations

from datetime import datetime

from backend.domain.promotions import Failed, Kind, Outcome, Skipped, Succeeded, Waiting
from backend.domain.telemetry import TrafficSummary
from backend.policy.health import Health, judge
from backend.promotion.context import StepContext, shifted_at, shown

LOOK_AGAIN = 2.0


def run(ctx: StepContext) -> Outcome:
    promotion = ctx.promotion
    if promotion.kind is Kind.PROMOTE and promotion.snapshot is not None and promotion.snapshot.stable is None:
        return Skipped(reason="Nothing served before, so there is nothing to return to.")
    since = shifted_at(promotion)
    if since is None:
        return Failed(reason="No traffic has been shifted that could be observed.")
    endpoint = ctx.endpoint()
    traffic = endpoint.traffic if endpoint else {}
    expected = ctx.recorded_weights() or {}
    if traffic != expected:
        return Failed(reason=f"The traffic was changed elsewhere: expected {shown(expected)}, found {shown(traffic)}.")
    return _measure(ctx, since)


def _measure(ctx: StepContext, since: datetime) -> Outcome:
    now, step = ctx.clock(), ctx.step
    seen = ctx.reach.logs.summary(ctx.target.endpoint, ctx.target.deployment, since, now)
    seconds = (now - since).total_seconds()
    judgement = judge(seen, step)
    output = _output(ctx, seen, seconds)
    if judgement.health is Health.BAD:
        return Failed(reason=f"At {step.weight} %: {judgement.sentence}.", output=output)
    if judgement.health is Health.UNCLEAR:
        return Waiting(reason=f"At {step.weight} %: {judgement.sentence}.", retry_after=LOOK_AGAIN, output=output)
    if seconds < step.min_seconds:
        reason = f"At {step.weight} %: {seconds:.0f} of {step.min_seconds:g} s; {judgement.sentence}."
        wait = min(LOOK_AGAIN, step.min_seconds - seconds)
        return Waiting(reason=reason, retry_after=wait, output=output)
    return Succeeded(reason=f"At {step.weight} %: {judgement.sentence}.", output=output)


def _output(ctx: StepContext, seen: TrafficSummary, seconds: float) -> dict[str, str | int | float | bool]:
    """Measured value, limit and n, as the tracker shows them. A percentile without calls is left out."""
    step = ctx.step
    output: dict[str, str | int | float | bool] = {
        "calls": seen.requests,
        "min_calls": step.min_calls,
        "seconds": round(seconds, 1),
        "min_seconds": step.min_seconds,
        "errors": seen.errors,
        "error_rate": seen.errors / seen.requests if seen.requests else 0.0,
        "max_error_rate": step.max_error_rate,
        "max_p95_ms": step.max_p95_ms,
    }
    return output if seen.p95_ms is None else output | {"p95_ms": round(seen.p95_ms, 1)}
