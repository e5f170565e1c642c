"""The contract of a version, as its run writes it: what may be asked, what is answered, and a few patients to try.

    evidence/contract.json: {"format", "fields", "max_rows", "max_bytes", "answer", "refusal", "examples"}

Units and ranges are those of training/data.py, limits those of training/request.py: the code that refuses a request is
the code that described it. The examples are invented people with the answers of this very model.
"""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np

from training.data import FEATURE_NAMES, FEATURES, Column
from training.model import probability
from training.request import MAX_BYTES, MAX_ROWS, REQUEST_ID_HEADERS

FORMAT = 1
"""Of this file; a reader that knows another one says so instead of guessing."""

INVENTED = (
    (9, 104, 51, 7, 24, 27.4, 1.35, 43),
    (0, 171, 80, 34, 23, 43.5, 1.21, 21),
    (1, 85, 59, 27, 35, 42.6, 0.55, 22),
    (3, 109, 77, 30, 320, 37.7, 0.87, 37),
    (0, 67, 87, 43, 36, 18.3, 0.24, 26),
    (2, 117, 75, 58, 310, 30.5, 2.13, 62),
)
"""Nobody's record: plausible values, in the order of FEATURES."""


class Asked(TypedDict):
    """One field of a row."""

    name: str
    unit: str
    whole: bool
    low: float
    high: float
    possible_low: float
    possible_high: float


class Told(TypedDict, total=False):
    """One value of an answer: `name` is its path, `[]` a list's element; a range or the words it may be."""

    name: str
    kind: str
    meaning: str
    low: float
    high: float
    values: list[str]
    nullable: bool


class Example(TypedDict):
    """A row and the probability that this model gives it."""

    row: dict[str, float]
    probability: float


class Contract(TypedDict):
    """All of it."""

    format: int
    fields: list[Asked]
    max_rows: int
    max_bytes: int
    request_id_headers: list[str]
    answer: list[Told]
    refusal: list[Told]
    examples: list[Example]


ANSWER: tuple[Told, ...] = (
    {"name": "request_id", "kind": "string", "meaning": "Yours, if you sent one, else ours: quote it when you ask us."},
    {"name": "model_version", "kind": "string", "meaning": "The registered version that answered."},
    {"name": "digest", "kind": "string", "meaning": "sha256 of the model's files: what was approved is what answered."},
    {
        "name": "threshold",
        "kind": "number",
        "meaning": "From this probability on the decision is positive.",
        "low": 0.0,
        "high": 1.0,
    },
    {"name": "predictions", "kind": "array", "meaning": "One a row, in the order of the rows."},
    {
        "name": "predictions[].probability",
        "kind": "number",
        "meaning": "Of diabetes, as the model sees it.",
        "low": 0.0,
        "high": 1.0,
    },
    {
        "name": "predictions[].decision",
        "kind": "string",
        "meaning": "The probability against the threshold.",
        "values": ["negative", "positive"],
    },
    {
        "name": "warnings",
        "kind": "array",
        "meaning": "One a value no clinician would believe: show it, check the unit.",
    },
    {"name": "warnings[].row", "kind": "integer", "meaning": "Counted from 0."},
    {"name": "warnings[].field", "kind": "string", "meaning": "The field of the row."},
    {"name": "warnings[].message", "kind": "string", "meaning": "What is odd, without the value."},
)
REFUSAL: tuple[Told, ...] = (
    {"name": "error", "kind": "object", "meaning": "Why the request is not answered."},
    {"name": "error.code", "kind": "string", "meaning": "The same word for every refusal.", "values": ["InvalidInput"]},
    {"name": "error.field", "kind": "string", "meaning": "The field to look at; empty where none is meant."},
    {
        "name": "error.row",
        "kind": "integer",
        "meaning": "Counted from 0; null where no row is meant.",
        "nullable": True,
    },
    {"name": "error.message", "kind": "string", "meaning": "In words, without any value of the request."},
)


def contract(model: Any) -> Contract:
    """What this code promises to callers of `model`."""
    answers = probability(model, np.array(INVENTED, dtype=np.float64)).tolist()
    return {
        "format": FORMAT,
        "fields": [_asked(column) for column in FEATURES],
        "max_rows": MAX_ROWS,
        "max_bytes": MAX_BYTES,
        "request_id_headers": list(REQUEST_ID_HEADERS),
        "answer": list(ANSWER),
        "refusal": list(REFUSAL),
        "examples": [
            {"row": dict(zip(FEATURE_NAMES, row, strict=True)), "probability": answer}
            for row, answer in zip(INVENTED, answers, strict=True)
        ],
    }


def _asked(column: Column) -> Asked:
    return {
        "name": column.name,
        "unit": column.unit,
        "whole": column.whole,
        "low": column.low,
        "high": column.high,
        "possible_low": column.possible_low,
        "possible_high": column.possible_high,
    }
