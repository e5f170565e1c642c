"""Errors of the candidate: against the limit, and against what serves in the same minutes."""

from __future__ import annotations

from backend.domain.analysis import Check, Health, Seen
from backend.domain.comparison import signed_well
from backend.domain.promotions import Step
from backend.policy.health.bounds import CERTAIN, CONFIDENCE, beyond_chance, difference


def against_limit(seen: Seen, step: Step) -> Check:
    """Fails beyond chance at any number of calls; passes once there are enough and the rate is within the limit."""
    errors, calls = seen.candidate.errors, seen.candidate.calls
    rate = errors / calls if calls else 0.0
    words = f"errors {100 * rate:.2f} %, limit {100 * step.max_error_rate:g} %, n {calls:,}"
    if beyond_chance(errors, calls, step.max_error_rate):
        health = Health.BAD
    elif rate > step.max_error_rate:
        health, words = Health.UNCLEAR, f"{words}: more calls are needed to tell it from chance"
    else:
        health = Health.GOOD if calls >= step.min_calls else Health.UNCLEAR
    measured = f"{100 * rate:.2f} %, {errors:,} of {calls:,}" if calls else "no calls yet"
    limit = f"≤ {100 * step.max_error_rate:g} %"
    return Check(measure="Errors", health=health, measured=measured, limit=limit, n=calls, sentence=words)


def against_stable(seen: Seen, step: Step) -> Check | None:
    """The difference of two error rates in one window; None where the rollout does not ask."""
    if step.max_error_increase >= 1:
        return None
    candidate, stable, most = seen.candidate, seen.stable, step.max_error_increase
    limit = f"≤ +{100 * most:g} points"
    name = "Errors against stable"
    if stable is None or not stable.calls:
        words = "errors against stable: it takes no calls now"
        return Check(measure=name, health=Health.UNMEASURED, measured="–", limit=limit, n=0, sentence=words)
    if not candidate.calls:
        words = "errors against stable: no calls yet"
        return Check(measure=name, health=Health.UNCLEAR, measured="no calls yet", limit=limit, n=0, sentence=words)
    counts = (candidate.errors, candidate.calls, stable.errors, stable.calls)
    found = candidate.errors / candidate.calls - stable.errors / stable.calls
    low, high = difference(*counts, CONFIDENCE)
    measured = signed_well(f"{100 * found:+.2f} points (95 % {100 * low:+.2f} to {100 * high:+.2f})")
    n = f"n {candidate.calls:,} and {stable.calls:,}"
    words = f"errors against stable {measured}, limit +{100 * most:g}, {n}"
    if difference(*counts, CERTAIN)[0] > most:
        health = Health.BAD
    elif found > most or candidate.calls < step.min_calls:
        health = Health.UNCLEAR
    else:
        health = Health.GOOD
    return Check(measure=name, health=health, measured=measured, limit=limit, n=candidate.calls, sentence=words)
