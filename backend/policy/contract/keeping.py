"""A request judged by the contract alone: refused in the words of the scoring script, or warned about. Pure.

`training/request.py` is what an endpoint runs; this reads the same rules out of a version's contract, so that a form
and a practice endpoint can refuse without a model. A test holds the two to the same words.
"""

from __future__ import annotations

import json
import math

from backend.domain.contract import Asked, Contract
from backend.domain.json_value import Json, JsonObject

SHOWN_NAME = 40


class Broken(Exception):
    """The request breaks the contract; rows count from 0, None where no row is meant."""

    def __init__(self, message: str, *, field: str = "", row: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.row = row

    @property
    def body(self) -> JsonObject:
        told: JsonObject = {"code": "InvalidInput", "field": self.field, "row": self.row, "message": self.message}
        return {"error": told}


def rows_of(contract: Contract, body: bytes) -> list[dict[str, float]]:
    """The rows of a request that keeps the contract. Raises Broken."""
    return [_row(contract, row, index) for index, row in enumerate(_rows(contract, body))]


def warnings_of(contract: Contract, rows: list[dict[str, float]]) -> list[JsonObject]:
    """One a value that is answered, and that no clinician would believe."""
    return [
        {
            "row": index,
            "field": field.name,
            "message": f"{field.name} is outside {field.low:g} to {field.high:g} ({field.unit}); check the unit",
        }
        for index, row in enumerate(rows)
        for field in contract.fields
        if not field.low <= row[field.name] <= field.high
    ]


def _rows(contract: Contract, body: bytes) -> list[Json]:
    if len(body) > contract.max_bytes:
        raise Broken(f"the body is larger than {contract.max_bytes} bytes; send at most {contract.max_rows} rows")
    try:
        request = json.loads(body, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise Broken("the body is not JSON in UTF-8") from error
    if not isinstance(request, dict) or "rows" not in request:
        raise Broken('the body must be an object with a list named "rows"', field="rows")
    for name in request:
        if name != "rows":
            raise Broken(f"unknown field {_shown(name)}", field=name[:SHOWN_NAME])
    rows = request["rows"]
    if not isinstance(rows, list) or not rows:
        raise Broken("rows must be a list with at least one row", field="rows")
    if len(rows) > contract.max_rows:
        said = f"{len(rows)} rows in one request; at most {contract.max_rows} are answered"
        raise Broken(said, field="rows")
    return rows


def _without_repeats(pairs: list[tuple[str, Json]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise Broken(f"field {_shown(repeated)} is given twice", field=repeated[:SHOWN_NAME])
    return found


def _row(contract: Contract, row: Json, index: int) -> dict[str, float]:
    if not isinstance(row, dict):
        raise Broken("a row must be an object of named fields", row=index)
    names = [field.name for field in contract.fields]
    for name in names:
        if name not in row:
            raise Broken(f"{name} is missing", field=name, row=index)
    for name in row:
        if name not in names:
            raise Broken(f"unknown field {_shown(name)}", field=name[:SHOWN_NAME], row=index)
    return {field.name: _value(field, row[field.name], index) for field in contract.fields}


def _value(field: Asked, value: Json, row: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Broken(f"{field.name} must be a number ({field.unit})", field=field.name, row=row)
    if isinstance(value, float) and not math.isfinite(value):
        raise Broken(f"{field.name} must be a finite number", field=field.name, row=row)
    # Compared before it becomes a float: JSON integers know no bounds.
    if not field.possible_low <= value <= field.possible_high:
        span = f"{field.possible_low:g} to {field.possible_high:g}"
        raise Broken(f"{field.name} must lie in {span} ({field.unit})", field=field.name, row=row)
    if field.whole and value != int(value):
        raise Broken(f"{field.name} must be a whole number", field=field.name, row=row)
    return float(value)


def _shown(name: str) -> str:
    return json.dumps(name[:SHOWN_NAME])
