"""What the candidate answers, against what stable answers in the same minutes. It says nothing of who is right.

Nobody knows yet which patients are ill, so no accuracy can be told from live calls: only that the candidate calls many
more, or many fewer, patients positive than what serves. A better model does so too; hence a wide limit.
"""

from __future__ import annotations

from scipy.stats import ks_2samp

from backend.domain.analysis import Check, Health, Seen
from backend.domain.comparison import signed_well
from backend.domain.promotions import Step
from backend.policy.health.bounds import CERTAIN, CONFIDENCE, difference

NAME = "Positives against stable"


def of_positives(seen: Seen, step: Step) -> Check | None:
    """The share called positive; None where the rollout does not ask."""
    if step.max_positive_shift >= 1:
        return None
    most, candidate, stable = step.max_positive_shift, seen.candidate, seen.stable
    limit = f"± {100 * most:g} points"
    ours, theirs = len(candidate.risks), len(stable.risks) if stable else 0
    if stable is None or not theirs:
        words = "positives against stable: its log tells no scores of these minutes"
        return Check(measure=NAME, health=Health.UNMEASURED, measured="–", limit=limit, n=0, sentence=words)
    if not ours:
        words = "positives against stable: no score of the candidate in its log yet"
        return Check(measure=NAME, health=Health.UNCLEAR, measured="no scores yet", limit=limit, n=0, sentence=words)
    counts = (candidate.positives, ours, stable.positives, theirs)
    found = candidate.positives / ours - stable.positives / theirs
    low, high = difference(*counts, CONFIDENCE)
    sure_low, sure_high = difference(*counts, CERTAIN)
    measured = signed_well(f"{100 * found:+.1f} points (95 % {100 * low:+.1f} to {100 * high:+.1f})")
    p_value = float(ks_2samp(candidate.risks, stable.risks).pvalue)
    words = (
        f"positives {100 * candidate.positives / ours:.1f} % against {100 * stable.positives / theirs:.1f} %, "
        f"{measured}, limit {limit}, n {ours:,} and {theirs:,}; risks as a whole: Kolmogorov-Smirnov p {p_value:.2g}"
    )
    if sure_low > most or sure_high < -most:
        health = Health.BAD
    elif abs(found) > most or ours < step.min_calls:
        health = Health.UNCLEAR
    else:
        health = Health.GOOD
    return Check(measure=NAME, health=health, measured=measured, limit=limit, n=ours, sentence=words)
