"""The same row gets the same answer in whatever batch it comes: asked of the endpoint, not of the training run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from backend.domain.promotions import Failed, Outcome, Succeeded
from backend.errors import RemoteRejected
from backend.gateways.azureml.scoring import predictions
from backend.policy.gates import SAME_ANSWER
from backend.promotion.context import StepContext
from backend.promotion.probes import MIXED

Row = Mapping[str, float]


def run(ctx: StepContext) -> Outcome:
    """Each row alone, then all of them in one batch, backwards, and in halves of every second one."""
    try:
        alone = [_ask(ctx, [row])[0] for row in MIXED]
        worst, batches = 0.0, orders(len(MIXED))
        for order in batches:
            for place, (risk, decision) in zip(order, _ask(ctx, [MIXED[place] for place in order]), strict=True):
                worst = max(worst, abs(risk - alone[place][0]))
                if abs(risk - alone[place][0]) > SAME_ANSWER or decision != alone[place][1]:
                    reason = (
                        f"Row {place + 1} of {len(MIXED)} got {alone[place][0]:.9f} ({alone[place][1]}) alone and "
                        f"{risk:.9f} ({decision}) in a batch of {len(order)}."
                    )
                    return Failed(reason=reason, output={"rows": len(MIXED), "largest_difference": worst})
    except RemoteRejected as error:
        return Failed(reason=str(error))
    told = f"{len(MIXED)} rows got the same answer alone and in {len(batches)} other batches."
    return Succeeded(reason=told, output={"rows": len(MIXED), "batches": len(batches), "largest_difference": worst})


def orders(rows: int) -> tuple[tuple[int, ...], ...]:
    everything = tuple(range(rows))
    return everything, everything[::-1], everything[::2], everything[1::2]


def _ask(ctx: StepContext, rows: Sequence[Row]) -> list[tuple[float, str]]:
    body = json.dumps({"rows": list(rows)}).encode()
    answer = ctx.reach.endpoints.raw_score(ctx.target.endpoint, body, ctx.target.deployment)
    return predictions(answer, len(rows))
