"""The paired difference of two positive predictive values."""

from __future__ import annotations

import numpy as np

from backend.policy.paired import Bools, Floats, Ints, PairedValue, standard_error


def paired_ppv(outcome: Floats, champion: Bools, challenger: Bools, groups: Ints) -> PairedValue | None:
    """The share of ill patients among those called positive, by each model; None where one calls nobody.

    The two sets of rows overlap without being the same, so it is no paired proportion. W. Leisenring, T. Alonzo and
    M. S. Pepe, "Comparisons of predictive values of binary medical diagnostic tests for paired designs", Biometrics 56
    (2000) 345-351: the marginal regression with working independence, here with the identity link; its robust variance
    is that of the two ratios' linear contributions, summed by patient.
    """
    if not champion.any() or not challenger.any():
        return None
    values, contributions = zip(*(_ratio(outcome, called) for called in (champion, challenger)), strict=True)
    return PairedValue(
        champion=values[0],
        challenger=values[1],
        standard_error=standard_error(contributions[1] - contributions[0], groups),
        champion_error=standard_error(contributions[0], groups),
        challenger_error=standard_error(contributions[1], groups),
        lowest=-1.0,
        highest=1.0,
    )


def _ratio(outcome: Floats, called: Bools) -> tuple[float, Floats]:
    value = float(outcome[called].mean())
    contribution: Floats = np.where(called, outcome - value, 0.0) / called.mean()
    return value, contribution
