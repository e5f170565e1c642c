"""The bands in which patients are looked at apart: defined here, and carried with their labels by the evidence.

Whoever reads the evidence takes the bands from it. Age, pregnancies and BMI are all that the data offer: there is no
sex and no origin, a limit that a model card has to state.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data import FEATURE_NAMES

PREFIX = "band_"
"""Of the evidence's columns: `band_age` and so on."""


@dataclass(frozen=True)
class Axis:
    """One feature cut into bands: `edges` are the lower ends of all but the first, each belonging to its band."""

    name: str
    feature: int
    labels: tuple[str, ...]
    edges: tuple[float, ...]

    def limits(self) -> list[tuple[str, float, float]]:
        """Label, lower end and upper end of each band; the upper end is the next one's."""
        return list(zip(self.labels, (-inf, *self.edges), (*self.edges, inf), strict=True))

    def codes(self, features: NDArray[np.float64]) -> NDArray[np.int8]:
        """The band of each row as an index into the labels."""
        return np.searchsorted(self.edges, features[:, self.feature], side="right").astype(np.int8)


def _axis(name: str, column: str, *bands: tuple[str, float]) -> Axis:
    labels, lows = zip(*bands, strict=True)
    return Axis(name, FEATURE_NAMES.index(column), labels, lows[1:])


AGE = _axis("age", "Age", ("under 30", 0), ("30 to 44", 30), ("45 to 59", 45), ("60 and over", 60))
AXES: tuple[Axis, ...] = (
    AGE,
    # A model that leans on the number of pregnancies says nothing of women without any, and of men.
    _axis("pregnancies", "Pregnancies", ("none", 0), ("1 or 2", 1), ("3 to 5", 3), ("6 and more", 6)),
    # The WHO's limits of overweight and of obesity, class I and beyond; too few are underweight to stand alone.
    _axis("bmi", "BMI", ("under 25", 0), ("25 to under 30", 25), ("30 to under 35", 30), ("35 and over", 35)),
)


def columns(features: NDArray[np.float64]) -> dict[str, Any]:
    """A category column of each axis, its dictionary all of the axis's labels in their order."""
    import pyarrow as pa

    return {
        f"{PREFIX}{axis.name}": pa.DictionaryArray.from_arrays(pa.array(axis.codes(features)), pa.array(axis.labels))
        for axis in AXES
    }
