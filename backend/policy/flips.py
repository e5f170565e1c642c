"""Who gets another answer than before, and what other thresholds would do: read off the same paired rows."""

from __future__ import annotations

import numpy as np

from backend.domain.comparison import Flip, Flips, ThresholdPoint
from backend.policy.consequence import consequence
from backend.policy.holdout import Holdout
from backend.policy.paired import Bools
from backend.policy.proportions import paired_share

MOST_CASES = 60
"""Kept with the evidence: more than a person reads, and few enough that a page stays light."""

THRESHOLDS = tuple(step / 100 for step in range(2, 99))


def flips(holdout: Holdout, champion: Bools, challenger: Bools) -> Flips:
    """The rows on which two models' answers differ; cases by the size of the change of risk, ties by ordinal."""
    ill, differs = holdout.ill, champion != challenger
    found = np.flatnonzero(differs)
    by_size = found[np.lexsort((found, -np.abs(holdout.challenger[found] - holdout.champion[found])))]
    return Flips(
        rows=len(holdout.outcome),
        rescued=int((differs & ill & challenger).sum()),
        lost=int((differs & ill & ~challenger).sum()),
        alarmed=int((differs & ~ill & challenger).sum()),
        cleared=int((differs & ~ill & ~challenger).sum()),
        cases=tuple(_case(holdout, int(row)) for row in by_size[:MOST_CASES]),
    )


def _case(holdout: Holdout, row: int) -> Flip:
    return Flip(
        case=row,
        ill=bool(holdout.ill[row]),
        champion=float(holdout.champion[row]),
        challenger=float(holdout.challenger[row]),
        bands=tuple(f"{axis.name} {axis.labels[int(axis.codes[row])]}" for axis in holdout.axes),
    )


def sweep(holdout: Holdout, champion: Bools) -> tuple[ThresholdPoint, ...]:
    """The challenger at each of THRESHOLDS against the champion's answers, which stay as they are."""
    return tuple(_point(holdout, champion, threshold) for threshold in THRESHOLDS)


def _point(holdout: Holdout, champion: Bools, threshold: float) -> ThresholdPoint:
    called = holdout.challenger >= threshold
    sensitivity, specificity = (
        paired_share(champion[rows] == holdout.ill[rows], called[rows] == holdout.ill[rows], holdout.groups[rows])
        for rows in (holdout.ill, ~holdout.ill)
    )
    found = consequence(sensitivity, specificity)
    return ThresholdPoint(
        threshold=threshold,
        sensitivity=sensitivity.challenger,
        specificity=specificity.challenger,
        missed=found.missed,
        false_alarms=found.false_alarms,
    )
