"""How large a difference has to be to matter, and how large a loss may go unseen: one place, each with its reason.

`smallest` is what a difference must reach before better or worse is said, however surely it is known. `overlooked` is
what "no detectable difference" must exclude. Both in the metric's own unit and in the direction of a gain.
"""

from __future__ import annotations

from dataclasses import dataclass

CONFIDENCE = 0.95

FEWEST_OF_A_CLASS = 30
"""Rows that a metric looks at: the ill, the well, those called positive. Below it no interval here is to be trusted."""


@dataclass(frozen=True)
class Margin:
    """`sign` is -1 where a smaller figure is better."""

    smallest: float
    overlooked: float
    sign: int = 1


MARGINS: dict[str, Margin] = {
    # Half a point of AUC re-orders one pair of patients in 200, which changes no decision; two points are about what
    # one more useful measurement gains, and a holdout of 3,000 shows them.
    "auc": Margin(smallest=0.005, overlooked=0.02),
    # One ill patient in a hundred is a harm that is counted; a loss of five in a hundred is the one that the holdout
    # is sized to see, so not seeing it must be impossible before two models count as alike.
    "sensitivity": Margin(smallest=0.01, overlooked=0.05),
    # A false alarm costs a second test, not a missed disease; the well are twice as many, so the figures are the same.
    "specificity": Margin(smallest=0.01, overlooked=0.05),
    # What a positive answer is worth to the practitioner; it moves with both of the above.
    "ppv": Margin(smallest=0.01, overlooked=0.05),
    # The reference scores 0.15, prevalence alone 0.22: 0.002 is three per cent of what the model earned, 0.01 a
    # seventh of it.
    "brier": Margin(smallest=0.002, overlooked=0.01, sign=-1),
    # Distance from 1. At 0.05 no risk is off by more than 1.2 points, at 0.2 by more than 5; 0.8 to 1.25 is the
    # customary limit of acceptable calibration.
    "calibration_slope": Margin(smallest=0.05, overlooked=0.2),
    # Distance from 0 in log odds: at a risk of a third, 0.05 is one point of risk and 0.2 is four and a half.
    "calibration_intercept": Margin(smallest=0.05, overlooked=0.2),
}

SUBGROUP_MARGIN = 0.10
"""Sensitivity or specificity within a band: the loss that has to be excluded.

Twice the overall margin, because a band holds a fraction of the rows and the intervals are widened for all looks: at 5
points no band of fewer than 180 ill patients could pass whatever its answers, and a gate nobody can pass is no gate.
"""
