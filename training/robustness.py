"""What a model does with input that is not as it should be: emitted as evidence, judged elsewhere.

    {"batch": {...}, "contract": [...], "monotonic": [...], "units": [...]}

Every check sends holdout rows, spoilt in one way, through the request contract and the model that the endpoint serves.
Shares are of the rows sent. A share that nothing could be measured for is None, never 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from training.data import FEATURE_NAMES, FEATURES, Column
from training.model import probability
from training.request import InvalidInput, parse

ROWS = 500
"""Of the holdout, evenly spread: enough to see a share of one in a hundred, and one request each."""
BATCHES = (1, 7, 64)
A_FALL = 0.05
"""Probability: a smaller step down is a ripple of a tree model and changes no decision."""

FloatArray = NDArray[np.float64]


class Batch(TypedDict):
    """The same rows alone and in company: the largest difference between two answers to one row."""

    rows: int
    largest_difference: float


class Refusal(TypedDict):
    """Requests that must be refused, and the share that was."""

    check: str
    rows: int
    refused: float


class Rise(TypedDict):
    """One feature raised by `step` in its unit: the share of rows whose risk falls by more than A_FALL."""

    feature: str
    step: float
    rows: int
    fell: float


class Mistake(TypedDict):
    """A unit confused: what the contract caught, and the share whose decision changes without a word."""

    mistake: str
    feature: str
    rows: int
    refused: float
    warned: float
    silently_changed: float


class Robustness(TypedDict):
    """All of it."""

    batch: Batch
    contract: list[Refusal]
    monotonic: list[Rise]
    units: list[Mistake]


@dataclass(frozen=True)
class _Unit:
    feature: str
    mistake: str
    factor: float


UNITS = (
    _Unit("PlasmaGlucose", "glucose in mmol/L", 1 / 18.016),  # molar mass of glucose 180.16 g/mol
    _Unit("SerumInsulin", "insulin in pmol/L", 6.0),  # WHO standard 83/500: 1 µU = 6 pmol
    _Unit("DiastolicBloodPressure", "blood pressure in kPa", 0.133322),
    _Unit("TricepsThickness", "skin fold in cm", 0.1),
    _Unit("Age", "age in months", 12.0),
)
RISES = (("PlasmaGlucose", 20.0), ("BMI", 3.0))
"""Where every clinician expects risk not to fall: two hours after glucose, and with weight."""


def robustness(model: Any, features: FloatArray, threshold: float) -> Robustness:
    """Try `model` on spoilt copies of these holdout rows, (n, 8) in schema order."""
    rows = features[np.unique(np.linspace(0, len(features) - 1, min(ROWS, len(features))).round().astype(np.int64))]
    return {
        "batch": _batch(model, rows),
        "contract": [*_missing(rows), *_out_of_range(rows)],
        "monotonic": [_rise(model, rows, name, step) for name, step in RISES],
        "units": [_mistake(model, rows, threshold, unit) for unit in UNITS],
    }


def _batch(model: Any, rows: FloatArray) -> Batch:
    whole = probability(model, rows)
    worst = 0.0
    for size in BATCHES:
        parts = [probability(model, rows[start : start + size]) for start in range(0, len(rows), size)]
        worst = max(worst, float(np.abs(np.concatenate(parts) - whole).max()))
    return {"rows": len(rows), "largest_difference": worst}


def _missing(rows: FloatArray) -> list[Refusal]:
    def without(name: str) -> Callable[[dict[str, float]], dict[str, float]]:
        return lambda row: {field: value for field, value in row.items() if field != name}

    return [_refused(f"{name} missing", rows, without(name)) for name in FEATURE_NAMES]


def _out_of_range(rows: FloatArray) -> list[Refusal]:
    def beyond(column: Column) -> Callable[[dict[str, float]], dict[str, float]]:
        return lambda row: row | {column.name: column.possible_high * 2 + 1}

    return [_refused(f"{column.name} beyond what is possible", rows, beyond(column)) for column in FEATURES]


def _refused(check: str, rows: FloatArray, spoil: Callable[[dict[str, float]], dict[str, float]]) -> Refusal:
    sent = [_accepted([spoil(_named(row))]) is None for row in rows]
    return {"check": check, "rows": len(rows), "refused": float(np.mean(sent))}


def _rise(model: Any, rows: FloatArray, name: str, step: float) -> Rise:
    raised = rows.copy()
    raised[:, FEATURE_NAMES.index(name)] += step
    fall = probability(model, rows) - probability(model, raised)
    return {"feature": name, "step": step, "rows": len(rows), "fell": float(np.mean(fall > A_FALL))}


def _mistake(model: Any, rows: FloatArray, threshold: float, unit: _Unit) -> Mistake:
    wrong = rows.copy()
    wrong[:, FEATURE_NAMES.index(unit.feature)] *= unit.factor
    if FEATURES[FEATURE_NAMES.index(unit.feature)].whole:
        wrong = wrong.round()
    answers = [_accepted([_named(row)]) for row in wrong]
    refused = np.array([answer is None for answer in answers])
    warned = np.array([bool(answer and answer[1]) for answer in answers])
    changed = (probability(model, rows) >= threshold) != (probability(model, wrong) >= threshold)
    return {
        "mistake": unit.mistake,
        "feature": unit.feature,
        "rows": len(rows),
        "refused": float(refused.mean()),
        "warned": float(warned.mean()),
        "silently_changed": float((changed & ~refused & ~warned).mean()),
    }


def _named(row: FloatArray) -> dict[str, float]:
    return {
        column.name: int(value) if column.whole else float(value) for column, value in zip(FEATURES, row, strict=True)
    }


def _accepted(rows: list[dict[str, float]]) -> tuple[FloatArray, list[dict[str, Any]]] | None:
    """What the contract makes of a request; None where it refuses it."""
    try:
        return parse(json.dumps({"rows": rows}).encode())
    except InvalidInput:
        return None
