"""Many requests at once at the candidate's own deployment: the figures that the latency gate reads."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from backend.domain.decisions import LoadPlan
from backend.domain.promotions import Failed, Outcome, Succeeded
from backend.domain.quality import LoadResult
from backend.errors import RemoteError
from backend.promotion.context import StepContext
from backend.promotion.plan import ROLLOUT_PATH, read_rollout
from backend.promotion.probes import PLAUSIBLE

MOST_SECONDS = 60.0
"""Requests that have not begun by then are left out: a deployment that slow has been measured well enough."""


def run(ctx: StepContext) -> Outcome:
    """Step after step of a repeated run measures again; what was frozen first stays the evidence."""
    content = ctx.reach.contents.file(ROLLOUT_PATH, ctx.target.commit)
    if content is None:
        return Failed(reason=f"{ROLLOUT_PATH} is missing at commit {ctx.target.commit[:7]}.")
    load = read_rollout(content, ctx.target.commit).load
    bodies = [json.dumps({"rows": [row]}).encode() for row in PLAUSIBLE]

    def answered(number: int) -> bool:
        body = bodies[number % len(bodies)]
        return ctx.reach.endpoints.raw_score(ctx.target.endpoint, body, ctx.target.deployment).status == 200

    # The first one reads the key and opens the connection; an endpoint that is away is told by it.
    answered(0)
    measured = measure(answered, load, ctx.clock())
    frozen = (
        ctx.store.evidence.freeze(f"{ctx.promotion.id}-load", measured, ctx.target, ctx.promotion.id).load or measured
    )
    output: dict[str, str | int | float | bool] = frozen.model_dump(mode="json", exclude={"made_at"})
    words = (
        f"p95 {frozen.p95_ms:.0f} ms, {frozen.errors} errors in {frozen.requests} requests, "
        f"{frozen.at_a_time} at a time, {frozen.per_second:.0f} a second"
    )
    if frozen.errors == frozen.requests:
        return Failed(reason=f"No request of the load test was answered: {words}.", output=output)
    return Succeeded(reason=f"{words}.", output=output)


def measure(
    answered: Callable[[int], bool], load: LoadPlan, made_at: datetime, limit: float = MOST_SECONDS
) -> LoadResult:
    """Call `answered` with the number of each request; one that raises RemoteError counts as an error."""
    began = time.perf_counter()

    def one(number: int) -> tuple[float, bool] | None:
        started = time.perf_counter()
        if started - began > limit:
            return None
        try:
            well = answered(number)
        except RemoteError:
            well = False
        return 1000 * (time.perf_counter() - started), well

    with ThreadPoolExecutor(load.at_a_time, thread_name_prefix="load") as pool:
        seen = [found for found in pool.map(one, range(load.requests)) if found is not None]
    seconds = time.perf_counter() - began
    times = sorted(milliseconds for milliseconds, _ in seen)
    return LoadResult(
        requests=len(seen),
        errors=sum(not well for _, well in seen),
        at_a_time=load.at_a_time,
        p50_ms=_rank(times, 0.50),
        p95_ms=_rank(times, 0.95),
        p99_ms=_rank(times, 0.99),
        per_second=round(len(seen) / seconds, 1),
        made_at=made_at,
    )


def _rank(times: list[float], share: float) -> float:
    """The nearest-rank percentile, in milliseconds."""
    return round(times[math.ceil(share * len(times)) - 1], 1)
