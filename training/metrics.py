"""Figures of merit on a holdout: points, curves and age bands.

Outcomes are 0 or 1, probabilities of outcome 1; arrays (n,). A share without a denominator is None, never 0.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from training.bands import AGE

FloatArray = NDArray[np.float64]
OutcomeArray = NDArray[np.int8]

CURVE_POINTS = 200
CALIBRATION_BINS = 10


class Curve(TypedDict):
    """Points of a line, in drawing order."""

    x: list[float]
    y: list[float]


class Band(TypedDict):
    """One age band at the threshold."""

    band: str
    n: int
    positives: int
    sensitivity: float | None
    specificity: float | None
    mean_probability: float | None


def auc(outcome: OutcomeArray, probability: FloatArray) -> float:
    """Return the area under the ROC curve: the chance that a positive outranks a negative, ties counting half.

    Mann and Whitney's U over the product of the class sizes. Both outcomes must occur.
    """
    positive = outcome == 1
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        raise ValueError("the AUC needs both outcomes")
    _, inverse, counts = np.unique(probability, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mean_rank[inverse][positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def point_metrics(outcome: OutcomeArray, probability: FloatArray, threshold: float) -> dict[str, float]:
    """Return auc, brier, accuracy, sensitivity, specificity and precision at `probability >= threshold`.

    Precision is left out when nothing is called positive. Brier: mean squared error (Brier 1950).
    """
    called = probability >= threshold
    actual = outcome == 1
    metrics = {
        "auc": auc(outcome, probability),
        "brier": float(np.mean((probability - outcome) ** 2)),
        "accuracy": float(np.mean(called == actual)),
        "sensitivity": float(np.mean(called[actual])),
        "specificity": float(np.mean(~called[~actual])),
    }
    if called.any():
        metrics["precision"] = float(np.mean(actual[called]))
    return metrics


def curves(outcome: OutcomeArray, probability: FloatArray) -> dict[str, Curve]:
    """Return the ROC, precision-recall and calibration curves, at most CURVE_POINTS points each."""
    order = np.argsort(-probability, kind="stable")
    last_of_tie = np.append(np.diff(probability[order]) != 0, True)
    true_positives = np.cumsum(outcome[order] == 1)[last_of_tie]
    called = np.arange(1, len(outcome) + 1)[last_of_tie]
    positives = int(true_positives[-1])
    recall = true_positives / positives
    false_rate = (called - true_positives) / (len(outcome) - positives)
    return {
        "roc": _thinned(np.append(0.0, false_rate), np.append(0.0, recall)),
        "precision_recall": _thinned(recall, true_positives / called),
        "calibration": _calibration(outcome, probability),
    }


def _thinned(x: FloatArray, y: FloatArray) -> Curve:
    """Keep evenly spaced points, the first and the last among them."""
    keep = np.unique(np.linspace(0, len(x) - 1, min(CURVE_POINTS, len(x))).round().astype(np.int64))
    return {"x": [float(value) for value in x[keep]], "y": [float(value) for value in y[keep]]}


def _calibration(outcome: OutcomeArray, probability: FloatArray) -> Curve:
    """Return mean probability against observed share in equally filled bins, from low to high risk."""
    bins = [part for part in np.array_split(np.argsort(probability, kind="stable"), CALIBRATION_BINS) if len(part)]
    return {
        "x": [float(probability[part].mean()) for part in bins],
        "y": [float(outcome[part].mean()) for part in bins],
    }


def age_bands(age: FloatArray, outcome: OutcomeArray, probability: FloatArray, threshold: float) -> list[Band]:
    """Return one entry per age band, empty bands included."""
    return [
        _band(name, outcome[(age >= low) & (age < high)], probability[(age >= low) & (age < high)], threshold)
        for name, low, high in AGE.limits()
    ]


def _band(name: str, outcome: OutcomeArray, probability: FloatArray, threshold: float) -> Band:
    called, actual = probability >= threshold, outcome == 1
    return {
        "band": name,
        "n": len(outcome),
        "positives": int(actual.sum()),
        "sensitivity": float(np.mean(called[actual])) if actual.any() else None,
        "specificity": float(np.mean(~called[~actual])) if (~actual).any() else None,
        "mean_probability": float(np.mean(probability)) if len(outcome) else None,
    }
