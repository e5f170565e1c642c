"""Simulated holdouts whose truth is known: what the intervals promise is checked against them.

A patient has one strong and two weak measurements. The champion knows the strong and the first weak one, the challenger
the strong and the second, so that by symmetry every true difference is 0; or the challenger knows all three and is too
sure of itself, so that every difference is some other number. One row in ten is a second visit, like the first one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from backend.policy.holdout import Axis, Holdout
from backend.policy.paired import Floats

SECOND_VISITS = 0.1
LIKE_THE_FIRST = 0.8
"""Correlation of a measurement between two visits."""

LEVEL = -1.0
STRONG, WEAK = 1.7, 0.7
TOO_SURE = 1.3
BANDS: dict[str, dict[str, float]] = {
    "age": {"under 30": 0.57, "30 to 44": 0.26, "45 to 59": 0.15, "60 and over": 0.02},
    "pregnancies": {"none": 0.3, "1 or 2": 0.3, "3 to 5": 0.2, "6 and more": 0.2},
    "bmi": {"under 25": 0.35, "25 to under 30": 0.1, "30 to under 35": 0.3, "35 and over": 0.25},
}
"""The axes and the shares of their bands; age follows the strong measurement, so its bands differ in risk."""


@dataclass(frozen=True)
class Models:
    """What the two models know and where each is cut; `alike` makes every true difference 0."""

    alike: bool
    champion_threshold: float = 0.4
    challenger_threshold: float = 0.4


ALIKE = Models(alike=True)
DIFFERENT = Models(alike=False, challenger_threshold=0.3)


def draw(random: Generator, rows: int, models: Models, *, bands: bool = True) -> Holdout:
    """A holdout of `rows` rows; the same generator state gives the same one."""
    patients = rows - round(rows * SECOND_VISITS)
    groups = np.r_[np.arange(patients), random.choice(patients, rows - patients, replace=False)]
    measured = _measurements(random, groups, patients)
    strong, first, second = measured
    risk = _logistic(LEVEL + STRONG * strong + WEAK * (first + second))
    known = LEVEL + STRONG * strong
    challenger = known + WEAK * second if models.alike else TOO_SURE * (known + WEAK * (first + second))
    return Holdout(
        outcome=(random.random(rows) < risk).astype(np.float64),
        champion=_logistic(known + WEAK * first),
        challenger=_logistic(challenger),
        groups=groups,
        axes=_axes(random, strong) if bands else (),
        digests=(),
    )


def _measurements(random: Generator, groups: Floats, patients: int) -> Floats:
    """Normal, of variance 1; those of a second visit resemble those of the first."""
    own = random.normal(size=(3, patients))[:, groups.astype(np.int64)]
    measured: Floats = np.sqrt(LIKE_THE_FIRST) * own + np.sqrt(1 - LIKE_THE_FIRST) * random.normal(size=own.shape)
    return measured


def _axes(random: Generator, strong: Floats) -> tuple[Axis, ...]:
    found = []
    for name, shares in BANDS.items():
        place = strong if name == "age" else random.normal(size=strong.size)
        edges = np.quantile(place, np.cumsum(list(shares.values()))[:-1])
        found.append(Axis(name, tuple(shares), np.searchsorted(edges, place)))
    return tuple(found)


def _logistic(score: Floats) -> Floats:
    probability: Floats = 0.5 * (1 + np.tanh(score / 2))
    return probability
