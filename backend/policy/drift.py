"""Whether what production is asked, and answers, still looks like what the model learned from. Pure.

Every look tests each feature and the score for drift, each feature for three kinds of bad values, four estimated and
three realised figures, and the share of refused requests. Their limits hold for all tests of a month together by
Bonferroni's correction (O. J. Dunn, "Multiple comparisons among means", JASA 56 (1961) 52-64): the sum of the chances
of a false alarm is FALSE_ALARMS_A_MONTH, however much the looks overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from backend.domain.behaviour import Drift, FieldQuality, Standing
from backend.domain.data_profile import Binned, DataProfile, FeatureProfile
from backend.domain.production_flips import CollectedRow
from backend.policy.confused_units import count, explained_by
from backend.policy.null_band import limit, most, psi, smoothed

Floats = NDArray[np.float64]

SCORE = "score"
FALSE_ALARMS_A_MONTH = 1.0
MONTH_MINUTES = 30 * 24 * 60
REALISED_TESTS = 3
ESTIMATED_TESTS = 4
REFUSED_TESTS = 1
QUALITY_TESTS = 3

SIZES = (100, 150, 200, 300, 500, 700, 1000, 1500, 2000)
"""How many of the newest rows are looked at: the largest of these that there are, so that limits are computed once."""
MOST_ROWS = SIZES[-1]
FEWEST = SIZES[0]
WITHIN_DAYS = 7


def family(profile: DataProfile) -> int:
    """How many tests one look makes, whatever it finds."""
    return len(profile.features) * (1 + QUALITY_TESTS) + 1 + ESTIMATED_TESTS + REALISED_TESTS + REFUSED_TESTS


def looks(every_minutes: float) -> int:
    """How many looks a month has."""
    return max(1, round(MONTH_MINUTES / every_minutes))


def confidence(profile: DataProfile, every_minutes: float) -> float:
    """That of one test."""
    return 1 - FALSE_ALARMS_A_MONTH / (looks(every_minutes) * family(profile))


def newest(rows: Sequence[CollectedRow]) -> tuple[CollectedRow, ...]:
    """The rows of one look, the newest first; all of them where they are too few."""
    size = max((size for size in SIZES if size <= len(rows)), default=len(rows))
    return tuple(rows[:size])


def column(rows: Sequence[CollectedRow], name: str) -> Floats:
    return np.array([row.features.get(name, np.nan) for row in rows], dtype=np.float64)


def drifts(profile: DataProfile, rows: Sequence[CollectedRow], sure: float) -> tuple[Drift, ...]:
    """Each feature, then the score; `sure` is the confidence of one test."""
    risks = np.array([row.probability for row in rows], dtype=np.float64)
    found = [_feature(feature, column(rows, feature.name), sure) for feature in profile.features]
    return (*found, _drift(SCORE, "risk", profile.score, risks, sure))


def _feature(feature: FeatureProfile, values: Floats, sure: float) -> Drift:
    found = _drift(feature.name, feature.unit, feature, values, sure)
    if found.standing is not Standing.OUT or (why := explained_by(feature, values)) is None:
        return found
    return found.model_copy(update={"cause": why.name, "affected": why.share})


def _drift(name: str, unit: str, known: Binned, values: Floats, sure: float) -> Drift:
    seen = count(values, known.edges)
    n = int(seen.sum())
    index = ceiling = None
    standing = Standing.TOO_LITTLE
    if n >= FEWEST:
        index = psi(known.counts, tuple(int(number) for number in seen))
        ceiling = limit(known.counts, n, sure)
        standing = Standing.OUT if index > ceiling else Standing.IN_BAND
    reference = smoothed(np.asarray(known.counts, dtype=np.float64))
    return Drift(
        name=name,
        unit=unit,
        n=n,
        psi=index,
        limit=ceiling,
        standing=standing,
        bins=bin_names(known),
        reference=tuple(map(float, reference)),
        shares=tuple(float(number) / n for number in seen) if n else (),
    )


def bin_names(known: Binned) -> tuple[str, ...]:
    """Words for the bins: below, from to, above."""
    edges = [f"{edge:.4g}" for edge in known.edges]
    inside = [low if low == high else f"{low} to {high}" for low, high in pairwise(edges)]
    return (f"below {edges[0]}", *inside, f"above {edges[-1]}")


def qualities(profile: DataProfile, rows: Sequence[CollectedRow], sure: float) -> tuple[FieldQuality, ...]:
    """What is wrong with single values, field by field."""
    return tuple(_quality(profile, feature, column(rows, feature.name), sure) for feature in profile.features)


def _quality(profile: DataProfile, feature: FeatureProfile, values: Floats, sure: float) -> FieldQuality:
    n, of = len(values), profile.training_rows
    told = values[~np.isnan(values)]
    missing = n - len(told)
    implausible = int(((told < feature.low) | (told > feature.high)).sum())
    unseen = int(((told < feature.minimum) | (told > feature.maximum)).sum())
    standing = Standing.TOO_LITTLE
    limits: tuple[int | None, int | None, int | None] = (None, None, None)
    if n >= FEWEST:
        highest = tuple(most(known, of, n, sure) for known in (feature.missing, 0, 0))
        limits = (highest[0], highest[1], highest[2])
        beyond = any(number > top for number, top in zip((missing, implausible, unseen), highest, strict=True))
        standing = Standing.OUT if beyond else Standing.IN_BAND
    why = explained_by(feature, values) if standing is Standing.OUT and len(told) >= FEWEST else None
    return FieldQuality(
        name=feature.name,
        unit=feature.unit,
        n=n,
        missing=missing,
        implausible=implausible,
        unseen=unseen,
        missing_limit=limits[0],
        implausible_limit=limits[1],
        unseen_limit=limits[2],
        standing=standing,
        cause=why.name if why else "",
    )
