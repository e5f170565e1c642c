"""Whether a drift is a confused unit, and of how many rows. Pure.

Each unit that may be sent instead maps the training quantiles to what would then be seen; the newest rows are taken for
a mixture of both, whose share is the most likely one (A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood
from incomplete data via the EM algorithm", JRSS B 39 (1977) 1-38). It is named where that mixture explains most of the
distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.domain.data_profile import FeatureProfile
from backend.policy.null_band import smoothed, stability_index

Floats = NDArray[np.float64]
FINE = 20
"""Values between two quantiles, so that bins which a factor stretches are filled evenly."""
ROUNDS = 60
LEAST = 0.02
EXPLAINED = 0.6
"""Of the index: what is left must be less than four tenths of it."""


@dataclass(frozen=True)
class Explanation:
    """`name` as the training code calls it; `share` of the rows are in that unit."""

    name: str
    share: float


def place(values: Floats, edges: tuple[float, ...]) -> NDArray[np.int64]:
    """The bin of each value: 0 below the first edge, the last one above the last edge, an inner edge in its own bin."""
    inside = 1 + np.searchsorted(np.asarray(edges[1:-1]), values, side="right")
    outside = np.where(values > edges[-1], len(edges), inside)
    return np.where(values < edges[0], 0, outside).astype(np.int64)


def count(values: Floats, edges: tuple[float, ...]) -> Floats:
    """How many lie in each bin; what is missing lies in none."""
    return np.bincount(place(values[~np.isnan(values)], edges), minlength=len(edges) + 1).astype(np.float64)


def explained_by(feature: FeatureProfile, values: Floats) -> Explanation | None:
    """The confused unit that best explains what was seen, None where none explains most of it.

    Bins are finer than those of the index and reach as far as the values do, since a unit moves them far out.
    """
    values = values[~np.isnan(values)]
    known = np.interp(
        np.linspace(0, 1, FINE * (len(feature.quantiles) - 1)),
        np.linspace(0, 1, len(feature.quantiles)),
        feature.quantiles,
    )
    best: tuple[float, Explanation] | None = None
    for confusion in feature.confusions:
        edges = _edges(known, confusion.factor)
        reference, other = (smoothed(count(of, edges)) for of in (known, known * confusion.factor))
        seen = count(values, edges)
        share = _share(reference, other, seen)
        if share < LEAST:
            continue
        observed = smoothed(seen)
        before = float(stability_index(reference, observed))
        after = float(stability_index((1 - share) * reference + share * other, observed))
        if after < (1 - EXPLAINED) * before and (best is None or after < best[0]):
            best = after, Explanation(confusion.name, share)
    return None if best is None else best[1]


def _edges(known: Floats, factor: float) -> tuple[float, ...]:
    cuts = np.unique(np.r_[np.quantile(known, np.linspace(0, 1, 9)), factor * np.quantile(known, np.linspace(0, 1, 9))])
    return tuple(float(cut) for cut in cuts)


def _share(reference: Floats, other: Floats, seen: Floats) -> float:
    """The most likely share of `other` in a mixture with `reference`."""
    share = 0.5
    for _ in range(ROUNDS):
        belongs = share * other / ((1 - share) * reference + share * other)
        share = float((seen * belongs).sum() / max(seen.sum(), 1.0))
    return share
