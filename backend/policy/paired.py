"""Estimates of the same rows by two models, and standard errors that treat a patient's rows as one observation.

Rows of one patient are alike, so they carry less than as many patients would. Every standard error here sums what each
row contributes within its patient first, and lets only patients count as independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class PairedValue:
    """A figure of both models, the standard error of each, and that of their difference (challenger minus champion).

    `lowest` and `highest` bound what the difference can be at all; a standard error is infinite where it is unknown.
    """

    champion: float
    challenger: float
    standard_error: float
    champion_error: float
    challenger_error: float
    lowest: float = -inf
    highest: float = inf

    @property
    def difference(self) -> float:
        return self.challenger - self.champion

    def interval(self, confidence: float) -> tuple[float, float]:
        """The normal interval of the difference, cut at what is possible."""
        reach = quantile(confidence) * self.standard_error
        return max(self.lowest, self.difference - reach), min(self.highest, self.difference + reach)


def quantile(confidence: float) -> float:
    """1.96 for 0.95: how many standard errors an interval reaches to each side."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def totals(values: Floats, groups: Ints) -> Floats:
    """The sum of the values of each patient that occurs in `groups`, which holds small ordinals."""
    of_ordinals = np.bincount(groups, weights=values)
    return np.asarray(of_ordinals[np.bincount(groups) > 0], dtype=np.float64)


def standard_error(influence: Floats, groups: Ints) -> float:
    """The standard error of a mean whose row by row contributions, of mean 0, are `influence`.

    K.-Y. Liang and S. L. Zeger, "Longitudinal data analysis using generalized linear models", Biometrika 73 (1986)
    13-22, the robust variance under working independence, with the factor g / (g - 1) for g patients. With one row a
    patient it is the usual standard error of a mean. Infinite for a single patient.
    """
    of_patients = totals(influence, groups)
    if of_patients.size < 2:
        return inf
    factor = of_patients.size / (of_patients.size - 1)
    return sqrt(factor * float(of_patients @ of_patients)) / influence.size


def design_effect(values: Floats, groups: Ints) -> float:
    """By how much patients with several rows inflate the variance of a mean: 1 with one row a patient, never less.

    J. N. K. Rao and A. J. Scott, "A simple method for the analysis of clustered binary data", Biometrics 48 (1992)
    577-585: counts divided by it may be analysed as if rows were independent. An estimate below 1 is chance and would
    make the interval narrower, so it counts as 1.
    """
    if values.size < 2 or not (variance := float(values.var(ddof=1)) / values.size):
        return 1.0
    return max(1.0, standard_error(values - values.mean(), groups) ** 2 / variance)
