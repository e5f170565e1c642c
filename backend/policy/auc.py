"""The paired difference of two areas under the ROC curve.

Variance: E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the areas under two or more correlated
receiver operating characteristic curves: a nonparametric approach", Biometrics 44 (1988) 837-845. Computed from
midranks as in X. Sun and W. Xu, "Fast implementation of DeLong's algorithm for comparing the areas under correlated
receiver operating characteristic curves", IEEE Signal Processing Letters 21 (2014) 1389-1393.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backend.errors import Invalid

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairedAuc:
    """Both areas on the same rows, their difference (challenger minus champion) and its standard error."""

    champion: float
    challenger: float
    standard_error: float
    positives: int
    negatives: int

    @property
    def difference(self) -> float:
        return self.challenger - self.champion

    def interval(self, confidence: float) -> tuple[float, float]:
        """The normal interval of the difference, cut at -1 and 1."""
        reach = NormalDist().inv_cdf(0.5 + confidence / 2) * self.standard_error
        return max(-1.0, self.difference - reach), min(1.0, self.difference + reach)


def paired_auc(outcome: ArrayLike, champion: ArrayLike, challenger: ArrayLike) -> PairedAuc:
    """Compare two scores of the same rows.

    `outcome` holds 0 and 1; all three have one entry a row. Rows count as independent. Raises Invalid where the
    arrays do not fit together, a score is not finite, or a class is missing. With a single row in a class the
    variance cannot be estimated and counts as infinite.
    """
    truth = np.asarray(outcome)
    scores = np.asarray([champion, challenger], dtype=np.float64)
    _check(truth, scores)
    positive = truth == 1
    m, n = int(positive.sum()), int((~positive).sum())
    of_positives = np.empty((2, m))
    of_negatives = np.empty((2, n))
    for side, score in enumerate(scores):
        # Sun and Xu, equations 5 to 7: ranks among all rows less ranks within the own class.
        among_all = _midranks(score)
        of_positives[side] = (among_all[positive] - _midranks(score[positive])) / n
        of_negatives[side] = 1.0 - (among_all[~positive] - _midranks(score[~positive])) / m
    areas = of_positives.mean(axis=1)
    variance = _variance(of_positives[1] - of_positives[0]) / m + _variance(of_negatives[1] - of_negatives[0]) / n
    return PairedAuc(
        champion=float(areas[0]),
        challenger=float(areas[1]),
        standard_error=float(np.sqrt(variance)),
        positives=m,
        negatives=n,
    )


def _check(truth: NDArray[np.generic], scores: Floats) -> None:
    if truth.ndim != 1 or scores.shape != (2, truth.size):
        raise Invalid(f"paired predictions must have one row each: {truth.shape} outcomes, {scores.shape[1:]} scores")
    if not np.isin(truth, (0, 1)).all():
        raise Invalid("paired predictions hold an outcome other than 0 and 1")
    if not np.isfinite(scores).all():
        raise Invalid("paired predictions hold a score that is not a finite number")
    if np.unique(truth).size != 2:
        raise Invalid("paired predictions hold one class only, so no ROC curve exists")


def _midranks(values: Floats) -> Floats:
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2.0)[inverse]
    return ranks


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1)) if values.size > 1 else float("inf")
