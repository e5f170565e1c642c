"""The two models: how each is built from the parameters and asked for a probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.params import Params


def build(params: Params) -> Any:
    """Return an unfitted scikit-learn classifier of the kind `params.model` names.

    The logistic regression is the reference and works on the raw units, so that `reg_rate` also weighs the units.
    """
    if params.model == "hist_gradient_boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier

        # Early stopping would set part of the training rows aside, by row and not by patient.
        return HistGradientBoostingClassifier(
            early_stopping=False, random_state=params.seed, **vars(params.hist_gradient_boosting)
        )
    from sklearn.linear_model import LogisticRegression

    logistic = params.logistic
    return LogisticRegression(
        C=1 / logistic.reg_rate, solver=logistic.solver, max_iter=10_000, random_state=params.seed
    )


def probability(model: Any, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of a positive outcome per row; features (n, 8) in schema order."""
    return np.asarray(model.predict_proba(features)[:, 1], dtype=np.float64)
