"""Record production as it is, before the first effect: what the way back restores."""

from __future__ import annotations

import json

from backend.domain.promotions import Failed, Kind, Outcome, Succeeded, Waiting
from backend.policy.proving import split_in_words
from backend.promotion.context import StepContext, settled


def run(ctx: StepContext) -> Outcome:
    """A promotion is refused if production is not exactly what its requester saw; a rollback goes ahead and says so."""
    name = ctx.target.endpoint
    endpoint = ctx.endpoint()
    if endpoint is None:
        return Failed(reason=f"{name} does not exist; apply the setup first.")
    if not settled(endpoint):
        return Waiting(reason=f"{name} is {endpoint.state.value.lower()}.", retry_after=1.0)
    live, expected = endpoint.stable or "", ctx.promotion.expected_stable
    wanted = {expected: 100} if expected else {}
    if endpoint.live != wanted and ctx.promotion.kind is Kind.PROMOTE:
        # A split that somebody made in the seconds since the last look is nothing to return to.
        return Failed(
            reason=f"Production has moved since the click: {name} serves {split_in_words(endpoint.traffic)}, "
            f"expected {split_in_words(wanted)}."
        )
    if endpoint.mirror_traffic and ctx.promotion.kind is Kind.PROMOTE:
        mirrored = split_in_words(endpoint.mirror_traffic)
        return Failed(reason=f"{name} mirrors calls ({mirrored}), which nobody here began; end that first.")
    note = "" if live == expected else f" It was changed elsewhere: {expected or 'nothing'} was expected."
    return Succeeded(
        reason=f"{name} serves {split_in_words(endpoint.traffic)}.{note}",
        output={"traffic": json.dumps(endpoint.traffic, sort_keys=True), "stable": live},
    )
