"""The verdict on two models: four words, and what each of them needs."""

from __future__ import annotations

from numpy.typing import ArrayLike

from backend.domain.evidence import Difference, Verdict
from backend.policy.auc import paired_auc

CONFIDENCE = 0.95

SMALLEST_THAT_MATTERS = 0.005
"""AUC: a smaller difference changes no decision about a patient, however surely it is known."""

LARGEST_OVERLOOKED = 0.02
"""AUC: "no detectable difference" may be said only where a loss of this size would have been seen."""

FEWEST_OF_A_CLASS = 30


def paired_difference(outcome: ArrayLike, champion: ArrayLike, challenger: ArrayLike) -> Difference:
    """The AUC of both models on the same rows, the difference with its interval, and the verdict."""
    found = paired_auc(outcome, champion, challenger)
    low, high = found.interval(CONFIDENCE)
    return Difference(
        metric="auc",
        champion=found.champion,
        challenger=found.challenger,
        difference=found.difference,
        low=low,
        high=high,
        confidence=CONFIDENCE,
        verdict=verdict(found.difference, low, high, min(found.positives, found.negatives)),
    )


def verdict(difference: float, low: float, high: float, fewest: int) -> Verdict:
    """One of the four words; `fewest` is the size of the smaller class.

    Better and worse: the interval excludes 0 and the difference is one that matters. No detectable difference: the
    interval lies within what may be overlooked, or the estimate is trivial and a larger loss is excluded.
    """
    if fewest < FEWEST_OF_A_CLASS:
        return Verdict.TOO_LITTLE_DATA
    if low > 0 and difference >= SMALLEST_THAT_MATTERS:
        return Verdict.BETTER
    if high < 0 and difference <= -SMALLEST_THAT_MATTERS:
        return Verdict.WORSE
    loss_excluded = low > -LARGEST_OVERLOOKED
    if loss_excluded and (high < LARGEST_OVERLOOKED or abs(difference) <= SMALLEST_THAT_MATTERS):
        return Verdict.NO_DIFFERENCE
    return Verdict.TOO_LITTLE_DATA


def in_words(difference: Difference, rows: int) -> str:
    """`better: AUC +0.140 (95 % 0.131 to 0.149, n 3,000)`."""
    level = f"{100 * difference.confidence:.0f} %"
    interval = f"{level} {difference.low:+.3f} to {difference.high:+.3f}"
    return f"{difference.verdict.value}: AUC {difference.difference:+.3f} ({interval}, n {rows:,})"
