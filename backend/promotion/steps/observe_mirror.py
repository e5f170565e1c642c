"""Watch what the candidate makes of copied calls: errors, latency and scores beside those of what serves."""

from __future__ import annotations

from backend.domain.promotions import Failed, Outcome
from backend.promotion.context import StepContext, last_mirror
from backend.promotion.steps.observe import look


def run(ctx: StepContext) -> Outcome:
    """Copies never reach a client: a failure costs nobody anything, and what is learnt is not about accuracy either."""
    mirror = last_mirror(ctx.promotion)
    if mirror is None or mirror.finished_at is None:
        return Failed(reason="No calls are copied that could be observed.")
    return look(ctx, mirror.finished_at, f"In a mirror of {ctx.step.weight} %")
