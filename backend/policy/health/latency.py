"""Latency of the candidate: its 95th percentile against the limit, and against what serves in the same minutes.

Both are judged by counting: a 95th percentile is above a figure exactly where more than 5 % of the calls are slower
than it, and a count has an exact distribution whatever that of latency is.
"""

from __future__ import annotations

from backend.domain.analysis import Check, Health, Seen
from backend.domain.promotions import Step
from backend.policy.health.bounds import CERTAIN, P95_SHARE, beyond_chance, difference


def against_limit(seen: Seen, step: Step) -> Check | None:
    """The sign test of a quantile; before there are enough calls it says nothing. None without a limit."""
    if not step.max_p95_ms:
        return None
    side = seen.candidate
    measured = f"{side.p95_ms:.0f} ms" if side.p95_ms is not None else "no calls yet"
    share = side.slow / side.calls if side.calls else 0.0
    words = f"p95 {measured}, limit {step.max_p95_ms:g} ms, n {side.calls:,}"
    if side.calls < step.min_calls or side.p95_ms is None:
        health = Health.UNCLEAR
    elif beyond_chance(side.slow, side.calls, P95_SHARE):
        health = Health.BAD
    elif share > P95_SHARE:
        health, words = Health.UNCLEAR, f"{words}: {side.slow:,} calls were slower, which may be chance"
    else:
        health = Health.GOOD
    limit = f"≤ {step.max_p95_ms:,.0f} ms"
    return Check(measure="p95", health=health, measured=measured, limit=limit, n=side.calls, sentence=words)


def against_stable(seen: Seen, step: Step) -> Check | None:
    """Mathisen's test of a control's quantile, by Newcombe's interval; None where the rollout does not ask.

    H. C. Mathisen, "A method of testing the hypothesis that two samples are from the same population", Annals of
    Mathematical Statistics 14 (1943) 188-194: count the calls beyond the control's quantile. Of stable's own calls 5 %
    are beyond it, give or take chance, which the interval of the difference holds against the candidate's count.
    """
    if not step.max_p95_ratio:
        return None
    name, limit = "p95 against stable", f"≤ {step.max_p95_ratio:g} times"
    candidate, stable = seen.candidate, seen.stable
    if stable is None or stable.p95_ms is None:
        words = "p95 against stable: it takes no calls now"
        return Check(measure=name, health=Health.UNMEASURED, measured="–", limit=limit, n=0, sentence=words)
    bound = step.max_p95_ratio * stable.p95_ms
    told = (
        f"{candidate.p95_ms:.0f} ms against {stable.p95_ms:.0f} ms" if candidate.p95_ms is not None else "no calls yet"
    )
    words = f"p95 {told}, limit {step.max_p95_ratio:g} times, n {candidate.calls:,} and {stable.calls:,}"
    if min(candidate.calls, stable.calls) < step.min_calls or not candidate.calls:
        health = Health.UNCLEAR
    elif difference(candidate.slower, candidate.calls, P95_SHARE * stable.calls, stable.calls, CERTAIN)[0] > 0:
        health = Health.BAD
    elif candidate.slower > P95_SHARE * candidate.calls:
        health, words = Health.UNCLEAR, f"{words}: {candidate.slower:,} calls were slower than {bound:.0f} ms"
    else:
        health = Health.GOOD
    return Check(measure=name, health=health, measured=told, limit=limit, n=candidate.calls, sentence=words)
