"""A scoring request: read, checked field by field, turned into an array.

    {"rows": [{"Pregnancies": 2, "PlasmaGlucose": 108, ...}, ...]}

Every field of the schema must be there and none besides. No value of a request is repeated in a message.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data import FEATURE_NAMES, FEATURES, Column

MAX_ROWS = 1000
MAX_BYTES = 1 << 20
REQUEST_ID_HEADERS = ("x-ms-request-id", "x-request-id", "x-ms-client-request-id")
_SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class InvalidInput(Exception):
    """A request that cannot be answered: `body` is the answer's JSON.

    {"error": {"code": "InvalidInput", "field", "row", "message"}}; rows count from 0, null when no row is meant.
    """

    def __init__(self, message: str, *, field: str = "", row: int | None = None) -> None:
        super().__init__(message)
        self.body = {"error": {"code": "InvalidInput", "field": field, "row": row, "message": message}}


def request_id(headers: Mapping[str, str]) -> str:
    """Return the caller's request id when it is one we can repeat safely, else a new one."""
    for name in REQUEST_ID_HEADERS:
        value = headers.get(name, "")
        if _SAFE_ID.fullmatch(value):
            return value
    return str(uuid.uuid4())


def parse(body: bytes) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
    """Return the features (n, 8) in schema order and a warning per implausible value. Raises InvalidInput."""
    rows = _rows(body)
    features = np.array([_row(row, index) for index, row in enumerate(rows)], dtype=np.float64)
    low, high = (np.array([getattr(column, end) for column in FEATURES]) for end in ("low", "high"))
    implausible = np.argwhere((features < low) | (features > high))
    return features, [_warning(FEATURES[place], row) for row, place in implausible.tolist()]


def _rows(body: bytes) -> list[Any]:
    if len(body) > MAX_BYTES:
        raise InvalidInput(too_large())
    try:
        request = json.loads(body, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as exc:
        raise InvalidInput("the body is not JSON in UTF-8") from exc
    if not isinstance(request, dict) or "rows" not in request:
        raise InvalidInput('the body must be an object with a list named "rows"', field="rows")
    for name in request:
        if name != "rows":
            raise InvalidInput(f"unknown field {_shown(name)}", field=name[:40])
    rows = request["rows"]
    if not isinstance(rows, list) or not rows:
        raise InvalidInput("rows must be a list with at least one row", field="rows")
    if len(rows) > MAX_ROWS:
        raise InvalidInput(f"{len(rows)} rows in one request; at most {MAX_ROWS} are answered", field="rows")
    return rows


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"field {_shown(repeated)} is given twice", field=repeated[:40])
    return found


def _row(row: Any, index: int) -> list[float]:
    if not isinstance(row, dict):
        raise InvalidInput("a row must be an object of named fields", row=index)
    if len(row) != len(FEATURES) or row.keys() != set(FEATURE_NAMES):
        for name in FEATURE_NAMES:
            if name not in row:
                raise InvalidInput(f"{name} is missing", field=name, row=index)
        unknown = next(name for name in row if name not in FEATURE_NAMES)
        raise InvalidInput(f"unknown field {_shown(unknown)}", field=unknown[:40], row=index)
    return [_value(column, row[column.name], index) for column in FEATURES]


def _value(column: Column, value: Any, row: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"{column.name} must be a number ({column.unit})", field=column.name, row=row)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(f"{column.name} must be a finite number", field=column.name, row=row)
    # Compared before it becomes a float: JSON integers know no bounds.
    if not column.is_possible(value):
        span = f"{column.possible_low:g} to {column.possible_high:g}"
        raise InvalidInput(f"{column.name} must lie in {span} ({column.unit})", field=column.name, row=row)
    if column.whole and value != int(value):
        raise InvalidInput(f"{column.name} must be a whole number", field=column.name, row=row)
    return float(value)


def _warning(column: Column, row: int) -> dict[str, Any]:
    message = f"{column.name} is outside {column.low:g} to {column.high:g} ({column.unit}); check the unit"
    return {"row": row, "field": column.name, "message": message}


def too_large() -> str:
    return f"the body is larger than {MAX_BYTES} bytes; send at most {MAX_ROWS} rows"


def _shown(name: str) -> str:
    return json.dumps(name[:40])
