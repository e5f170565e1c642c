"""The paired difference of two Brier scores."""

from __future__ import annotations

from backend.policy.paired import Floats, Ints, PairedValue, standard_error


def paired_brier(outcome: Floats, champion: Floats, challenger: Floats, groups: Ints) -> PairedValue:
    """Mean squared errors of two probabilities of the same rows; smaller is better, the difference lies in -1 to 1.

    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78 (1950) 1-3.
    The difference is a mean over rows, so its error is that of a mean: A. A. Bradley, S. S. Schwartz and T. Hashino,
    "Sampling uncertainty and confidence intervals for the Brier score and Brier skill score", Weather and Forecasting
    23 (2008) 992-1006; with patients as clusters by `standard_error`.
    """
    one, two = (champion - outcome) ** 2, (challenger - outcome) ** 2
    difference = two - one
    return PairedValue(
        champion=float(one.mean()),
        challenger=float(two.mean()),
        standard_error=standard_error(difference - difference.mean(), groups),
        champion_error=standard_error(one - one.mean(), groups),
        challenger_error=standard_error(two - two.mean(), groups),
        lowest=-1.0,
        highest=1.0,
    )
