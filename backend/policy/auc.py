"""The paired difference of two areas under the ROC curve.

Variance: E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the areas under two or more correlated
receiver operating characteristic curves: a nonparametric approach", Biometrics 44 (1988) 837-845. Computed from
midranks as in X. Sun and W. Xu, "Fast implementation of DeLong's algorithm for comparing the areas under correlated
receiver operating characteristic curves", IEEE Signal Processing Letters 21 (2014) 1389-1393.

Rows of one patient are summed before they are squared, as in N. A. Obuchowski, "Nonparametric analysis of clustered ROC
curve data", Biometrics 53 (1997) 567-578.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backend.errors import Invalid
from backend.policy.paired import Bools, Floats, Ints, quantile


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
        reach = quantile(confidence) * self.standard_error
        return max(-1.0, self.difference - reach), min(1.0, self.difference + reach)


def paired_auc(
    outcome: ArrayLike, champion: ArrayLike, challenger: ArrayLike, groups: ArrayLike | None = None
) -> PairedAuc:
    """Compare two scores of the same rows.

    `outcome` holds 0 and 1; all have one entry a row. `groups` names the patient of each row, the independent unit;
    without it every row is a patient, which is DeLong's variance. Raises Invalid where the arrays do not fit together,
    a score is not finite, or a class is missing. With a single patient in a class the variance cannot be estimated
    and counts as infinite.
    """
    truth = np.asarray(outcome)
    patients = np.arange(truth.size) if groups is None else np.asarray(groups, dtype=np.int64)
    scores = np.asarray([champion, challenger], dtype=np.float64)
    _check(truth, scores, patients)
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
    variance = _variance(of_positives[1] - of_positives[0], of_negatives[1] - of_negatives[0], positive, patients)
    return PairedAuc(
        champion=float(areas[0]),
        challenger=float(areas[1]),
        standard_error=sqrt(max(0.0, variance)),
        positives=m,
        negatives=n,
    )


def _check(truth: NDArray[np.generic], scores: Floats, patients: Ints) -> None:
    if truth.ndim != 1 or scores.shape != (2, truth.size) or patients.shape != truth.shape:
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


def _variance(of_positives: Floats, of_negatives: Floats, positive: Bools, patients: Ints) -> float:
    """Obuchowski's equation for the variance of the difference, from each row's contribution to it.

    Her S10, S01 and S11: sums within a patient, less what the patient's number of rows would give on average. The last
    one is the covariance of a patient's ill and well visits; it is 0 where nobody has both.
    """
    _, patient = np.unique(patients, return_inverse=True)
    count = int(patient.max()) + 1
    excess = [
        np.bincount(patient[of_class], weights=values - values.mean(), minlength=count)
        for of_class, values in ((positive, of_positives), (~positive, of_negatives))
    ]
    with_positive, with_negative = (np.unique(patient[of_class]).size for of_class in (positive, ~positive))
    if with_positive < 2 or with_negative < 2:
        return inf
    m, n = of_positives.size, of_negatives.size
    own = with_positive / (with_positive - 1) * float(excess[0] @ excess[0]) / m**2
    other = with_negative / (with_negative - 1) * float(excess[1] @ excess[1]) / n**2
    both = count / (count - 1) * float(excess[0] @ excess[1]) / (m * n)
    return own + other + 2 * both
