"""How large a distance from the training data chance alone makes at the observed number of rows. Pure and repeatable.

The distance is the population stability index of credit scoring (N. Siddiqi, "Credit Risk Scorecards", Wiley 2006),
which is Jeffreys' divergence of the binned shares: H. Jeffreys, "An invariant form for the prior probability in
estimation problems", Proc. R. Soc. A 186 (1946) 453-461. Its textbook limits 0.1 and 0.2 know no n: under no change it
is about chi-square / n (B. Yurdakul and J. Naranjo, "Statistical properties of the population stability index", Journal
of Risk Model Validation 14 (2020) 89-100), so that 100 rows of ten bins exceed them by chance. Here the limit is
resampled at n.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 50_000
TAIL = 0.02
"""The largest fiftieth of the draws is described by its own distribution, from which rarer limits are read."""
SEED = 20261127
JEFFREYS = 0.5
"""Added to each count: a bin that was empty so far is rare, not impossible."""
HEAVIEST = 0.5


def smoothed(counts: Floats) -> Floats:
    """Shares of the bins along the last axis, each count raised by JEFFREYS."""
    raised = counts + JEFFREYS
    shares: Floats = raised / raised.sum(axis=-1, keepdims=True)
    return shares


def stability_index(reference: Floats, observed: Floats) -> Floats:
    """PSI of smoothed shares: sum of (q - p) ln(q / p); 0 for equal ones, one value for each row of `observed`."""
    distance: Floats = ((observed - reference) * np.log(observed / reference)).sum(axis=-1)
    return distance


def psi(reference: tuple[int, ...], observed: tuple[int, ...]) -> float:
    """The index of two tables of counts over the same bins."""
    one, other = (np.asarray(counts, dtype=np.float64) for counts in (reference, observed))
    return float(stability_index(smoothed(one), smoothed(other)))


@lru_cache(maxsize=512)
def limit(reference: tuple[int, ...], n: int, confidence: float) -> float:
    """The index that `n` rows of the very population of `reference` exceed with probability 1 - `confidence`.

    Posterior predictive resampling (D. B. Rubin, "Bayesianly justifiable and relevant frequency calculations for the
    applied statistician", Annals of Statistics 12 (1984) 1151-1172): the shares are drawn as what the reference rows
    leave open, then n rows from them, so the reference's own size counts too. A limit rarer than the draws reach is
    read from the generalized Pareto distribution of the largest ones.
    """
    random = np.random.default_rng(SEED)
    counts = np.asarray(reference, dtype=np.float64)
    shares = random.dirichlet(counts + JEFFREYS, DRAWS)
    drawn = random.multinomial(n, shares / shares.sum(axis=1, keepdims=True)).astype(np.float64)
    return upper(stability_index(smoothed(counts), smoothed(drawn)), 1 - confidence)


def upper(values: Floats, alpha: float) -> float:
    """The value exceeded with probability `alpha`.

    Excesses over a high threshold: J. Pickands, "Statistical inference using extreme order statistics", Annals of
    Statistics 3 (1975) 119-131, fitted by probability-weighted moments: J. R. M. Hosking and J. R. Wallis, "Parameter
    and quantile estimation for the generalized Pareto distribution", Technometrics 29 (1987) 339-349. The shape is kept
    at 0 or above: a shorter tail than an exponential one would promise more than so many draws can show.
    """
    if alpha >= TAIL:
        return float(np.quantile(values, 1 - alpha))
    threshold = float(np.quantile(values, 1 - TAIL))
    excess = np.sort(values[values > threshold]) - threshold
    if not excess.size or not excess[-1] > 0:
        return threshold
    ranks = (excess.size - np.arange(excess.size) - 0.65) / excess.size
    first, second = float(excess.mean()), float((ranks * excess).mean())
    shape = min(max(2 - first / (first - 2 * second), 0.0), HEAVIEST) if first > 2 * second else HEAVIEST
    scale = first * (1 - shape)
    if shape < 1e-6:
        return threshold + scale * log(TAIL / alpha)
    beyond: float = (TAIL / alpha) ** shape - 1
    return threshold + scale / shape * beyond


@lru_cache(maxsize=4096)
def most(known: int, of: int, n: int, confidence: float) -> int:
    """The number of marked rows among `n` that chance exceeds with probability 1 - `confidence` at most.

    `known` of `of` reference rows were marked. The predictive distribution is the beta-binomial one under Jeffreys'
    prior (J. Aitchison and I. R. Dunsmore, "Statistical Prediction Analysis", Cambridge 1975).
    """
    alpha, left = 1 - confidence, 1.0
    for k in range(n + 1):
        left -= exp(_log_predictive(k, known, of, n))
        if left <= alpha:
            return k
    return n


def _log_predictive(k: int, known: int, of: int, n: int) -> float:
    a, b = known + JEFFREYS, of - known + JEFFREYS
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return ways + _log_beta(k + a, n - k + b) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
