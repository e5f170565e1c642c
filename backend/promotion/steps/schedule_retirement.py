"""Keep what served before warm at 0 % until a date; the worker removes it then."""

from __future__ import annotations

from datetime import timedelta

from backend.domain.promotions import Outcome, Skipped, Succeeded
from backend.promotion.context import StepContext


def run(ctx: StepContext) -> Outcome:
    snapshot, target = ctx.promotion.snapshot, ctx.target
    before = [name for name in (snapshot.traffic if snapshot else {}) if name != target.deployment]
    ctx.store.retirements.cancel(target.endpoint, target.deployment, "it serves production")
    if not before:
        return Skipped(reason="Nothing served before.")
    due = ctx.clock() + timedelta(seconds=ctx.step.keep_warm_seconds)
    dates = [ctx.store.retirements.schedule(target.endpoint, name, ctx.promotion.id, due).due_at for name in before]
    until = f"{max(dates):%Y-%m-%d %H:%M} UTC"
    return Succeeded(
        reason=f"{', '.join(before)} stays warm until {until}.",
        output={"deployments": ", ".join(before), "until": max(dates).isoformat()},
    )
