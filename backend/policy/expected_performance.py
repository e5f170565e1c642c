"""What a model's performance is expected to be before labels come. Pure.

Confidence-based performance estimation (CBPE): J. Białek, W. Kuberski, N. Perrakis and A. Bifet, "Estimating model
performance under covariate shift without labels" (2024), arXiv:2401.08348. A calibrated risk p makes a positive answer
right with probability p and a negative one with 1 - p, so every count of the confusion matrix has an expectation. It
holds under covariate shift, where patients differ but patients alike are ill as often as before; it cannot see that the
outcome itself has changed, which only labels can.

Risks are calibrated on the holdout by isotonic regression (B. Zadrozny and C. Elkan, "Transforming classifier scores
into accurate multiclass probability estimates", KDD 2002), by pooling adjacent violators over the bins of its profile.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from backend.domain.behaviour import EstimatedFigure
from backend.domain.data_profile import ScoreProfile

Floats = NDArray[np.float64]
DRAWS = 1000
SEED = 20261127
CONFIDENCE = 0.95
NEVER_CERTAIN = 1e-4


def calibrated(score: ScoreProfile, risks: Floats) -> Floats:
    """Each risk as the share that was ill among the holdout rows of like risk; between bins, in proportion."""
    # Half a second and some megabytes, which only a look of the worker needs.
    from scipy.optimize import isotonic_regression

    counts = np.asarray(score.counts, dtype=np.float64)
    used = counts > 0
    shares = np.asarray(score.positives, dtype=np.float64)[used] / counts[used]
    fitted = isotonic_regression(shares, weights=counts[used]).x
    found: Floats = np.interp(risks, np.asarray(score.means)[used], fitted)
    return np.clip(found, NEVER_CERTAIN, 1 - NEVER_CERTAIN)


def expected(
    score: ScoreProfile, risks: Floats, called: NDArray[np.bool_], reference: Mapping[str, float]
) -> tuple[EstimatedFigure, ...]:
    """AUC, sensitivity, specificity and PPV of these answers, each with where labels of as many rows would put it.

    `called` says which were answered as positive; `reference` holds the holdout's figures by metric. Empty without a
    row. The interval is that of outcomes drawn from the calibrated risks, which is the Poisson-binomial spread of the
    counts. A figure that no draw has (the AUC of a single row) is left out: NaN is no number in JSON.
    """
    if not risks.size:
        return ()
    truth = calibrated(score, risks)
    values = estimates(truth, risks, called)
    random = np.random.default_rng(SEED)
    drawn = random.random((DRAWS, risks.size)) < truth
    order = np.argsort(risks, kind="stable")
    spreads: dict[str, Floats] = {
        "auc": _aucs(drawn[:, order], risks[order]),
        "sensitivity": ratio(drawn[:, called].sum(1), drawn.sum(1)),
        "specificity": ratio((~drawn)[:, ~called].sum(1), (~drawn).sum(1)),
        "ppv": ratio(drawn[:, called].sum(1), called.sum()),
    }
    return tuple(
        _figure(metric, values[metric], spread, reference.get(metric))
        for metric, spread in spreads.items()
        if not np.isnan(spread).all()
    )


def estimates(truth: Floats, risks: Floats, called: NDArray[np.bool_]) -> dict[str, float]:
    """The figures by metric, without their intervals; `truth` are the calibrated risks."""
    order = np.argsort(risks, kind="stable")
    return {
        "auc": _expected_auc(truth[order], risks[order]),
        "sensitivity": _part(truth[called], truth),
        "specificity": _part((1 - truth)[~called], 1 - truth),
        "ppv": _part(truth[called], called.astype(np.float64)),
    }


def _figure(metric: str, value: float, spread: Floats, reference: float | None) -> EstimatedFigure:
    low, high = np.nanquantile(spread, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return EstimatedFigure(metric=metric, value=value, low=float(low), high=float(high), reference=reference)


def _part(part: Floats, whole: Floats) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() else 0.0


def ratio(part: Floats, whole: Floats) -> Floats:
    """Each part of its whole, 0 of nothing."""
    found: Floats = np.divide(part, whole, out=np.zeros(len(part)), where=np.asarray(whole) > 0)
    return found


def _expected_auc(truth: Floats, risks: Floats) -> float:
    """Of rows by rising risk: expected pairs in the right order over all expected pairs; ties count half."""
    pairs = truth.sum() * (1 - truth).sum()
    return float(_in_order(truth[None, :], risks)[0] / pairs) if pairs else 0.5


def _aucs(drawn: NDArray[np.bool_], risks: Floats) -> Floats:
    ill = drawn.astype(np.float64)
    pairs = ill.sum(1) * (risks.size - ill.sum(1))
    found: Floats = np.divide(_in_order(ill, risks), pairs, out=np.full(len(ill), np.nan), where=pairs > 0)
    return found


def _in_order(ill: Floats, risks: Floats) -> Floats:
    """Mann and Whitney's U with weights: each ill row counts the well ones below it, and half of those beside it."""
    starts = np.r_[0, np.flatnonzero(np.diff(risks)) + 1]
    sick = np.add.reduceat(ill, starts, axis=1)
    well = np.add.reduceat(1 - ill, starts, axis=1)
    below = np.cumsum(well, axis=1) - well
    found: Floats = (sick * (below + well / 2)).sum(axis=1)
    return found
