"""Requests that the model refused because of what they held: how many, for which field, and more than before or not.

No training data tells of callers, so what is usual is what they did in the days before: the number that chance makes is
that of the beta-binomial prediction from those days (`null_band.most`), at the confidence of one test. A caller that
always errs is shown and raises no alarm every day; one that begins to does.
"""

from __future__ import annotations

from datetime import timedelta

from backend.domain.behaviour import Asked, Refusals, RefusedField, Standing
from backend.policy.drift import FEWEST, WITHIN_DAYS
from backend.policy.null_band import most

NOW = timedelta(days=1)
BEFORE = timedelta(days=WITHIN_DAYS)
MOST_CALLS = 2000
"""Beyond it the share is judged as if of so many calls: the prediction is summed term by term."""
UNNAMED = "not named"
"""Refused by a release that writes no field to its log, or told by a line that has not come yet."""


def refusals(now: Asked, before: Asked, sure: float) -> Refusals:
    """The calls of the last day beside those of the week before it; `sure` is the confidence of one test."""
    limit, standing = None, Standing.TOO_LITTLE
    if now.calls >= FEWEST and before.calls >= FEWEST:
        n = min(now.calls, MOST_CALLS)
        limit = round(most(before.refused, before.calls, n, sure) * now.calls / n)
        standing = Standing.OUT if now.refused > limit else Standing.IN_BAND
    return Refusals(
        since=now.since,
        until=now.until,
        calls=now.calls,
        refused=now.refused,
        fields=_fields(now),
        earlier_calls=before.calls,
        earlier_refused=before.refused,
        limit=limit,
        standing=standing,
    )


def _fields(now: Asked) -> tuple[RefusedField, ...]:
    named = sorted(now.fields.items(), key=lambda one: (-one[1], one[0]))
    unnamed = now.refused - sum(count for _, count in named)
    found = [RefusedField(name=name, refused=count) for name, count in named]
    return (*found, RefusedField(name=UNNAMED, refused=unnamed)) if unnamed > 0 else tuple(found)


def refusal_words(found: Refusals) -> str:
    """One sentence with its figures."""
    told = f"{found.refused:,} of {found.calls:,} calls were refused for what they held"
    worst = next((one for one in found.fields if one.name != UNNAMED), None)
    field = f", {worst.refused:,} of them for {worst.name}" if worst else ""
    if found.limit is None:
        return f"{told}{field}; fewer than {FEWEST} calls now or in the week before are too few to judge."
    before = f"{found.earlier_refused:,} of {found.earlier_calls:,} in the week before"
    return f"{told}{field}; chance makes at most {found.limit:,} of it, after {before}."
