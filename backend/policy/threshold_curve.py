"""Sensitivity and specificity at every threshold, from a run's own predictions on its holdout."""

from __future__ import annotations

import numpy as np

from backend.domain.runs import Curve
from backend.policy.holdout import read_single

POINTS = 101


def threshold_curves(content: bytes) -> tuple[Curve, ...]:
    """The curves of a `predictions.parquet`; positive is `probability >= threshold`. Raises Invalid.

    None of a class that does not occur.
    """
    holdout = read_single(content)
    thresholds = np.linspace(0.0, 1.0, POINTS)
    x = tuple(float(t) for t in thresholds)
    made = []
    for kind, chosen in (("sensitivity", holdout.ill), ("specificity", ~holdout.ill)):
        values = np.sort(holdout.champion[chosen])
        if not values.size:
            continue
        below = np.searchsorted(values, thresholds, side="left") / values.size
        share = 1 - below if kind == "sensitivity" else below
        made.append(Curve(kind=kind, x=x, y=tuple(float(s) for s in share)))
    return tuple(made)
