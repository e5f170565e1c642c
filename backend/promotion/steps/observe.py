"""Watch the candidate at its weight: everything the rollout sets a limit to, since the shift."""

from __future__ import annotations

from datetime import datetime

from backend.domain.analysis import Analysis, Health, Seen, written
from backend.domain.promotions import Failed, Kind, Outcome, Skipped, Step, Succeeded, Waiting
from backend.policy.health.judgement import judge
from backend.promotion.context import StepContext, changed_elsewhere, shifted_at
from backend.promotion.readings import read_window

SOONEST, LATEST = 2.0, 30.0
LOOKS = 60
"""A step of half an hour is looked at twice a minute: Azure Monitor counts its callers' queries."""


def run(ctx: StepContext) -> Outcome:
    promotion = ctx.promotion
    if promotion.kind is Kind.PROMOTE and promotion.snapshot is not None and promotion.snapshot.stable is None:
        return Skipped(reason="Nothing served before, so there is nothing to return to.")
    since = shifted_at(promotion)
    if since is None:
        return Failed(reason="No traffic has been shifted that could be observed.")
    return look(ctx, since, f"At {ctx.step.weight} %")


def look(ctx: StepContext, since: datetime, where: str) -> Outcome:
    """One look: somebody else's change of traffic ends it, else the measures decide. `where` begins the sentence."""
    endpoint = ctx.endpoint()
    if endpoint is None:
        return Failed(reason=f"{ctx.target.endpoint} does not exist any more.")
    elsewhere = changed_elsewhere(ctx, endpoint)
    if elsewhere is not None:
        return elsewhere
    now, step = ctx.clock(), ctx.step
    seen = read_window(ctx, since, now)
    seconds, analysis = (now - since).total_seconds(), judge(seen, step)
    told, output = analysis.sentence, _output(step, seen, seconds, analysis)
    if analysis.health is Health.BAD:
        return Failed(reason=f"{where}: {told}.", output=output)
    again = min(LATEST, max(SOONEST, step.min_seconds / LOOKS))
    if analysis.health is Health.UNCLEAR:
        return Waiting(reason=f"{where}: {told}.", retry_after=again, output=output)
    if seconds < step.min_seconds:
        reason = f"{where}: {seconds:.0f} of {step.min_seconds:g} s; {told}."
        return Waiting(reason=reason, retry_after=min(again, step.min_seconds - seconds), output=output)
    return Succeeded(reason=f"{where}: {told}.", output=output)


def _output(step: Step, seen: Seen, seconds: float, analysis: Analysis) -> dict[str, str | int | float | bool]:
    """Measured value, limit and n, as the tracker shows them. A percentile without calls is left out."""
    side = seen.candidate
    output: dict[str, str | int | float | bool] = {
        "calls": side.calls,
        "min_calls": step.min_calls,
        "seconds": round(seconds, 1),
        "min_seconds": step.min_seconds,
        "errors": side.errors,
        "error_rate": side.errors / side.calls if side.calls else 0.0,
        "max_error_rate": step.max_error_rate,
        "max_p95_ms": step.max_p95_ms,
        "checks": written(analysis.checks),
    }
    return output if side.p95_ms is None else output | {"p95_ms": round(side.p95_ms, 1)}
