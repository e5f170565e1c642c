"""Whether probabilities mean what they say: the slope and the intercept of a logistic recalibration, in pairs.

D. R. Cox, "Two further applications of a model for binary regression", Biometrika 45 (1958) 562-565: the log odds of
the outcome are modelled as a + b times the log odds that the model gave. Perfect is a = 0 and b = 1.

- **Slope**: b of that model; below 1 the probabilities are too extreme, above 1 too timid.
- **Intercept**: a with b held at 1 ("calibration in the large"); in log odds, above 0 the risks are too low. So M. E.
  Miller, S. L. Hui and W. M. Tierney, "Validation techniques for logistic regression models", Statistics in Medicine
  10 (1991) 1213-1226; a of the joint fit says nothing by itself, because it moves with b.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.policy.paired import Floats, Ints, PairedValue, standard_error

NEAREST_TO_CERTAIN = 1e-6
"""Log odds of 0 and 1 are infinite; a model that says so is taken to say this."""

ROUNDS = 50
SETTLED = 1e-10
UNREASONABLE = 1e3
"""A slope or intercept beyond it is a fit that runs away: the probabilities separate the outcomes."""


@dataclass(frozen=True)
class Approach:
    """How much nearer to perfect the challenger is than the champion: above 0 is better.

    `losses` are the distances from perfect, negated; `figures` the slopes or intercepts themselves.
    """

    losses: PairedValue
    figures: PairedValue

    @property
    def difference(self) -> float:
        return self.losses.difference

    def interval(self, confidence: float) -> tuple[float, float]:
        """The delta method's interval, no wider than what the figures themselves can have moved.

        Two models on different sides of perfect make the delta method add what their common rows should cancel; but
        distances never differ by more than the figures do.
        """
        low, high = self.losses.interval(confidence)
        most = max(abs(end) for end in self.figures.interval(confidence))
        return max(low, -most), min(high, most)


@dataclass(frozen=True)
class PairedCalibration:
    """Slope and intercept of both models, and for each how much nearer to 1 and to 0 the challenger is."""

    slope: PairedValue
    intercept: PairedValue
    slope_gain: Approach
    intercept_gain: Approach


@dataclass(frozen=True)
class _Fit:
    value: float
    influence: Floats


def paired_calibration(outcome: Floats, champion: Floats, challenger: Floats, groups: Ints) -> PairedCalibration | None:
    """Fit both recalibrations to the same rows; None where one does not exist.

    That is so for constant scores, for probabilities that separate the outcomes, and for a single patient.

    The difference's standard error is that of the two estimates' joint robust variance: each row's contributions to
    both are subtracted before they are summed by patient and squared. C. C. Clogg, E. Petkova and A. Haritou,
    "Statistical methods for comparing regression coefficients between models", American Journal of Sociology 100
    (1995) 1261-1293, with the sandwich of Liang and Zeger (1986) in place of the model's variance.
    """
    scores = [_log_odds(probability) for probability in (champion, challenger)]
    slopes = [_slope(outcome, score) for score in scores]
    intercepts = [_intercept(outcome, score) for score in scores]
    if any(fit is None for fit in (*slopes, *intercepts)):
        return None
    slope = [fit for fit in slopes if fit is not None]
    intercept = [fit for fit in intercepts if fit is not None]
    of_slope, of_intercept = _paired(slope, groups), _paired(intercept, groups)
    if not np.isfinite(of_slope.standard_error):
        return None
    return PairedCalibration(
        slope=of_slope,
        intercept=of_intercept,
        slope_gain=Approach(_paired([_loss(fit, 1.0) for fit in slope], groups), of_slope),
        intercept_gain=Approach(_paired([_loss(fit, 0.0) for fit in intercept], groups), of_intercept),
    )


def _log_odds(probability: Floats) -> Floats:
    inside = np.clip(probability, NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN)
    odds: Floats = np.log(inside) - np.log1p(-inside)
    return odds


def _slope(outcome: Floats, score: Floats) -> _Fit | None:
    if np.ptp(score) == 0:
        return None
    fitted = _fit(outcome, np.column_stack([np.ones_like(score), score]), np.zeros_like(score))
    return None if fitted is None else _Fit(float(fitted[0][1]), fitted[1][:, 1])


def _intercept(outcome: Floats, score: Floats) -> _Fit | None:
    fitted = _fit(outcome, np.ones((score.size, 1)), score)
    return None if fitted is None else _Fit(float(fitted[0][0]), fitted[1][:, 0])


def _fit(outcome: Floats, design: Floats, offset: Floats) -> tuple[Floats, Floats] | None:
    """Maximum likelihood by Newton's steps: the coefficients, and each row's contribution to them."""
    coefficients: Floats = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        expected = _expected(offset + design @ coefficients)
        information = (design * (expected * (1 - expected))[:, None]).T @ design
        try:
            step = np.linalg.solve(information, design.T @ (outcome - expected))
        except np.linalg.LinAlgError:
            return None
        if np.abs(step).max() < SETTLED:
            influence: Floats = (design * (outcome - expected)[:, None]) @ np.linalg.inv(information) * outcome.size
            return coefficients, influence
        coefficients = _climbed(outcome, design, offset, coefficients, step)
        if not np.isfinite(coefficients).all() or np.abs(coefficients).max() > UNREASONABLE:
            return None
    return None


def _climbed(outcome: Floats, design: Floats, offset: Floats, start: Floats, step: NDArray[np.floating[Any]]) -> Floats:
    """As far along the step as the likelihood does not fall: far from the top Newton's steps overshoot."""
    reached = _likelihood(outcome, offset + design @ start) - SETTLED * outcome.size
    for _ in range(ROUNDS):
        if _likelihood(outcome, offset + design @ (start + step)) >= reached:
            break
        step = step / 2
    return start + step


def _likelihood(outcome: Floats, score: Floats) -> float:
    return float(outcome @ score - np.logaddexp(0.0, score).sum())


def _expected(score: Floats) -> Floats:
    """The logistic function, without overflow at either end."""
    probability: Floats = 0.5 * (1 + np.tanh(score / 2))
    return probability


def _loss(fit: _Fit, perfect: float) -> _Fit:
    """The distance from perfect, negated."""
    side = 1.0 if fit.value >= perfect else -1.0
    return _Fit(-abs(fit.value - perfect), -side * fit.influence)


def _paired(fits: list[_Fit], groups: Ints) -> PairedValue:
    champion, challenger = fits
    return PairedValue(
        champion=champion.value,
        challenger=challenger.value,
        standard_error=standard_error(challenger.influence - champion.influence, groups),
        champion_error=standard_error(champion.influence, groups),
        challenger_error=standard_error(challenger.influence, groups),
    )
