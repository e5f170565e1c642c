"""How low an estimate without labels falls by chance alone, at the observed number of rows. Pure and repeatable.

The estimate is made of the risks and of nothing else, so chance is which patients came. As many risks as there are rows
are drawn again and again from the holdout's distribution, posterior predictive as in `null_band`, and estimated in the
same way; the quantile of the lowest estimates is the bottom of the band. A figure that is better than that is never out
of band: nobody has to be told of easier patients.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from backend.domain.behaviour import EstimatedFigure, Standing
from backend.domain.data_profile import ScoreProfile
from backend.policy.drift import FEWEST
from backend.policy.expected_performance import Floats, calibrated, ratio
from backend.policy.null_band import JEFFREYS, upper

DRAWS = 20_000
SEED = 20261127
CELLS = 4
"""Parts of a bin: the rows of one lie evenly around its mean, which is all that is known of them."""

Lowest = tuple[tuple[str, float], ...]


def judged(
    figures: Iterable[EstimatedFigure], score: ScoreProfile, threshold: float, n: int, sure: float
) -> tuple[EstimatedFigure, ...]:
    """The estimates of `n` rows with the bottom of the band of each; `sure` is the confidence of one test."""
    bottoms = dict(lowest(score, threshold, n, sure)) if n >= FEWEST else {}
    return tuple(_judged(one, bottoms.get(one.metric)) for one in figures)


def _judged(one: EstimatedFigure, bottom: float | None) -> EstimatedFigure:
    if bottom is None:
        return one
    standing = Standing.OUT if one.value < bottom else Standing.IN_BAND
    return one.model_copy(update={"limit": bottom, "standing": standing})


@lru_cache(maxsize=64)
def lowest(score: ScoreProfile, threshold: float, n: int, sure: float) -> Lowest:
    """By metric, the estimate below which `n` patients like the holdout's fall with probability 1 - `sure`."""
    random = np.random.default_rng(SEED)
    shares = random.dirichlet(np.asarray(score.counts, dtype=np.float64) + JEFFREYS, DRAWS)
    parts = np.repeat(shares, CELLS, axis=1) / CELLS
    counts = random.multinomial(n, parts / parts.sum(axis=1, keepdims=True)).astype(np.float64)
    risks = _cells(score)
    ill = counts * calibrated(score, risks)
    well = counts - ill
    called = risks >= threshold
    below = np.cumsum(well, axis=1) - well
    right, pairs = (ill * (below + well / 2)).sum(axis=1), ill.sum(axis=1) * well.sum(axis=1)
    hits = ill[:, called].sum(axis=1)
    spread = {
        "auc": ratio(right, pairs),
        "sensitivity": ratio(hits, ill.sum(axis=1)),
        "specificity": ratio(well[:, ~called].sum(axis=1), well.sum(axis=1)),
        "ppv": ratio(hits, counts[:, called].sum(axis=1)),
    }
    return tuple((metric, -upper(-values, 1 - sure)) for metric, values in spread.items())


def _cells(score: ScoreProfile) -> Floats:
    """The risk of each cell, rising: CELLS places in each bin, whose mean is that of the bin where it has one."""
    edges = np.r_[0.0, score.edges, 1.0]
    low, high = np.minimum(edges[:-1], edges[1:]), edges[1:]
    middle = np.where(np.asarray(score.counts) > 0, score.means, (low + high) / 2)
    reach = np.minimum(middle - low, high - middle).clip(min=0.0)
    places = (2 * np.arange(CELLS) + 1) / CELLS - 1
    found: Floats = (middle[:, None] + reach[:, None] * places[None, :]).ravel()
    return found
