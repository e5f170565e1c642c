"""What a data version looks like: the reference that everything asked later is compared with.

    {"rows", "patients", "positives", "training_rows", "features": [...], "bands": [...], "duplicates": {...}, "score":
    {...}}

Features are described as the model learned them, on the training rows; the score on the holdout, because a model is
surer of what it has seen. Nothing is decided, and no value says who it is of: bins, quantiles and counts alone.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from training.bands import AXES
from training.data import FEATURES, Column, Dataset
from training.metrics import auc
from training.robustness import UNITS
from training.split import Split, shared_groups

BINS = 10
SCORE_BINS = 20
FEW = 24
"""A count with at most so many different values has a bin for each, up to where only a hundredth is left."""
QUANTILES = 101

FloatArray = NDArray[np.float64]


class Confusion(TypedDict):
    """A unit that a laboratory may send instead: what the value is multiplied by."""

    name: str
    factor: float


class Feature(TypedDict):
    """One column. `edges` cut it into bins; `counts` has one more: below all that was seen, the bins, above all of it.

    `low` and `high` are what a clinician would believe; `auc` is that of the column alone, so that a leak stands out.
    """

    name: str
    unit: str
    low: float
    high: float
    whole: bool
    missing: int
    minimum: float
    maximum: float
    mean: float
    edges: list[float]
    counts: list[int]
    quantiles: list[float]
    auc: float
    confusions: list[Confusion]


class BandCount(TypedDict):
    axis: str
    band: str
    rows: int
    positives: int


class Duplicates(TypedDict):
    """Rows alike in all features, those of them with another outcome, and patients who come more than once."""

    rows: int
    contradicting: int
    returning_patients: int
    shared_groups: int


class Score(TypedDict):
    """The risk on the holdout by bins as of a feature, with the ill in each and the mean of the risk."""

    edges: list[float]
    counts: list[int]
    positives: list[int]
    means: list[float]


class Profile(TypedDict):
    rows: int
    patients: int
    positives: int
    training_rows: int
    digest: str
    features: list[Feature]
    bands: list[BandCount]
    duplicates: Duplicates
    score: Score


def profile(dataset: Dataset, split: Split, probability: FloatArray) -> Profile:
    """Describe the data of a run; `probability` is that of the holdout rows."""
    learned, outcome = dataset.features[split.train], dataset.outcome[split.train]
    return {
        "rows": len(dataset),
        "patients": len(np.unique(dataset.groups)),
        "positives": int(dataset.outcome.sum()),
        "training_rows": len(split.train),
        "digest": dataset.digest,
        "features": [_feature(column, learned[:, place], outcome) for place, column in enumerate(FEATURES)],
        "bands": _bands(dataset),
        "duplicates": _duplicates(dataset, split),
        "score": _score(probability, dataset.outcome[split.holdout]),
    }


def cut(values: FloatArray) -> list[float]:
    """The edges between the bins: first and last are the smallest and the largest value that was seen."""
    found = np.unique(values)
    if len(found) <= FEW and bool((found == np.rint(found)).all()):
        common = [value for value in found[1:] if (values >= value).mean() >= 0.01]
        return [float(found[0]), *map(float, common), float(found[-1])]
    inner = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    return [float(found[0]), *(float(edge) for edge in inner if edge > found[0]), float(found[-1])]


def place(values: FloatArray, edges: list[float]) -> NDArray[np.int64]:
    """The bin of each value: 0 below the first edge, the last one above the last edge, each inner edge in its bin."""
    inside = 1 + np.searchsorted(edges[1:-1], values, side="right")
    return np.where(values < edges[0], 0, np.where(values > edges[-1], len(edges), inside)).astype(np.int64)


def _feature(column: Column, values: FloatArray, outcome: NDArray[np.int8]) -> Feature:
    edges = cut(values)
    alone = auc(outcome, values)
    return {
        "name": column.name,
        "unit": column.unit,
        "low": column.low,
        "high": column.high,
        "whole": column.whole,
        "missing": int(np.isnan(values).sum()),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "mean": float(values.mean()),
        "edges": edges,
        "counts": np.bincount(place(values, edges), minlength=len(edges) + 1).tolist(),
        "quantiles": np.quantile(values, np.linspace(0, 1, QUANTILES)).tolist(),
        "auc": max(alone, 1 - alone),
        "confusions": [{"name": unit.mistake, "factor": unit.factor} for unit in UNITS if unit.feature == column.name],
    }


def _bands(dataset: Dataset) -> list[BandCount]:
    found: list[BandCount] = []
    for axis in AXES:
        codes = axis.codes(dataset.features)
        for code, label in enumerate(axis.labels):
            ill = dataset.outcome[codes == code]
            found.append({"axis": axis.name, "band": label, "rows": len(ill), "positives": int(ill.sum())})
    return found


def _duplicates(dataset: Dataset, split: Split) -> Duplicates:
    _, alike, counts = np.unique(dataset.features, axis=0, return_inverse=True, return_counts=True)
    alike = alike.ravel()
    ill = np.bincount(alike, weights=dataset.outcome)
    mixed = (counts > 1) & (ill > 0) & (ill < counts)
    visits = np.bincount(dataset.groups)
    return {
        "rows": int((counts[alike] > 1).sum()),
        "contradicting": int(mixed[alike].sum()),
        "returning_patients": int((visits > 1).sum()),
        "shared_groups": shared_groups(dataset.groups, split),
    }


def _score(probability: FloatArray, outcome: NDArray[np.int8]) -> Score:
    inner = np.unique(np.quantile(probability, np.linspace(0, 1, SCORE_BINS + 1)[1:-1]))
    edges = [0.0, *map(float, inner), 1.0]
    places, size = place(probability, edges), len(edges) + 1
    counts = np.bincount(places, minlength=size)
    sums = np.bincount(places, weights=probability, minlength=size)
    return {
        "edges": edges,
        "counts": counts.tolist(),
        "positives": np.bincount(places, weights=outcome, minlength=size).astype(int).tolist(),
        "means": np.divide(sums, counts, out=np.zeros(size), where=counts > 0).tolist(),
    }
