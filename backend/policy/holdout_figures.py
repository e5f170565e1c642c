"""One model on its holdout, with intervals that know its repeated patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.domain.quality import BandCalibration, Estimate
from backend.policy.auc import paired_auc
from backend.policy.brier import paired_brier
from backend.policy.calibration import paired_calibration
from backend.policy.holdout import Axis, Holdout
from backend.policy.margins import CONFIDENCE, FEWEST_OF_A_CLASS
from backend.policy.paired import PairedValue, quantile, standard_error
from backend.policy.proportions import paired_share


@dataclass(frozen=True)
class Measured:
    """The figures of one model; `slope` and `intercept` None where the probabilities separate the outcomes."""

    sensitivity: Estimate
    specificity: Estimate
    brier: Estimate
    slope: Estimate | None
    intercept: Estimate | None
    bands: tuple[BandCalibration, ...]
    auc: Estimate


def measure(holdout: Holdout, threshold: float) -> Measured:
    """The challenger's figures at `threshold`.

    A model beside itself: the pairs cancel, and each side's own errors are what remains. Raises Invalid where the rows
    hold one class only.
    """
    rows = holdout.outcome, holdout.challenger, holdout.challenger, holdout.groups
    called = holdout.challenger >= threshold
    calibration = paired_calibration(*rows)
    return Measured(
        sensitivity=_share(holdout, called, holdout.ill, CONFIDENCE),
        specificity=_share(holdout, called, ~holdout.ill, CONFIDENCE),
        brier=_own(paired_brier(*rows)),
        slope=_own(calibration.slope) if calibration else None,
        intercept=_own(calibration.intercept) if calibration else None,
        bands=_bands(holdout, called),
        auc=_auc(holdout),
    )


def _share(holdout: Holdout, called: np.ndarray, rows: np.ndarray, confidence: float) -> Estimate:
    """How many of these rows were called what they are."""
    right = (called == holdout.ill)[rows]
    share = paired_share(right, right, holdout.groups[rows])
    low, high = share.challenger_interval(confidence)
    return Estimate(value=share.challenger, low=low, high=high)


def _auc(holdout: Holdout) -> Estimate:
    """The area with DeLong's error: beside a score that tells nothing, the pair's error is the model's own."""
    nothing = np.zeros(len(holdout.outcome))
    found = paired_auc(holdout.outcome, nothing, holdout.challenger, holdout.groups)
    reach = quantile(CONFIDENCE) * found.standard_error
    area = found.challenger
    return Estimate(value=area, low=max(0.0, area - reach), high=min(1.0, area + reach))


def _own(found: PairedValue) -> Estimate:
    reach = quantile(CONFIDENCE) * found.challenger_error
    return Estimate(value=found.challenger, low=found.challenger - reach, high=found.challenger + reach)


def _bands(holdout: Holdout, called: np.ndarray) -> tuple[BandCalibration, ...]:
    """Each band's figures, their intervals widened by Bonferroni's correction for all bands at once."""
    looks = sum(len(axis.labels) for axis in holdout.axes)
    confidence = 1 - (1 - CONFIDENCE) / looks if looks else CONFIDENCE
    return tuple(
        _band(holdout, called, axis, code, confidence) for axis in holdout.axes for code in range(len(axis.labels))
    )


def _band(holdout: Holdout, called: np.ndarray, axis: Axis, code: int, confidence: float) -> BandCalibration:
    inside = axis.codes == code
    outcome = holdout.outcome[inside]
    positives = int(outcome.sum())
    named = {"axis": axis.name, "band": axis.labels[code], "rows": int(inside.sum()), "positives": positives}
    if min(positives, len(outcome) - positives) < FEWEST_OF_A_CLASS:
        return BandCalibration.model_validate(named)
    excess = holdout.challenger[inside] - outcome
    mean = float(excess.mean())
    reach = quantile(confidence) * standard_error(excess - mean, holdout.groups[inside])
    figures = {
        "excess": Estimate(value=mean, low=mean - reach, high=mean + reach),
        "sensitivity": _share(holdout, called, inside & holdout.ill, confidence),
        "specificity": _share(holdout, called, inside & ~holdout.ill, confidence),
    }
    return BandCalibration.model_validate(named | figures)
