"""The scoring script of a deployment: `init()` once, `run(request)` per call, as Azure ML's inference server asks.

Request:  {"rows": [{"Pregnancies": 2, "PlasmaGlucose": 108, ...}, ...]}
Answer:   {"request_id", "model_version", "digest", "threshold", "predictions": [{"probability", "decision"}], "warnings"}
Refusal:  400 {"error": {"code": "InvalidInput", "field", "row", "message"}}; `row` counts from 0, null when none is meant

The environment names the release: AZUREML_MODEL_DIR, MLOPS_THRESHOLD, MLOPS_MODEL_VERSION. Arrays are used throughout
(a DataFrame would cost more than the HTTP around it), and no value of a request is ever logged or repeated.
"""

from __future__ import annotations

import json
import math
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import artefact
from training.data import FEATURE_NAMES, FEATURES, Column
from training.digest import find_model_folder, folder_digest
from training.model import probability

try:
    from azureml_inference_server_http.api.aml_request import rawhttp
    from azureml_inference_server_http.api.aml_response import AMLResponse
except ModuleNotFoundError:
    # Only the deployment's environment has the server; everything below but run() works without it.
    def rawhttp(function: Any) -> Any:
        """Mark a function as reading the raw request; without the server there is nobody to tell."""
        return function


MAX_ROWS = 1000
MAX_BYTES = 1 << 20
REQUEST_ID_HEADERS = ("x-ms-request-id", "x-request-id", "x-ms-client-request-id")
_SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class InvalidInput(Exception):  # noqa: N818 - named after the code it becomes on the wire
    """A request that cannot be answered; becomes a 400 that names the field and the row."""

    def __init__(self, message: str, *, field: str = "", row: int | None = None) -> None:
        super().__init__(message)
        self.body = {"error": {"code": "InvalidInput", "field": field, "row": row, "message": message}}


@dataclass(frozen=True)
class Release:
    """What this process serves: the fitted model and the identity that every answer repeats."""

    model: Any
    digest: str
    version: str
    threshold: float


_release: Release | None = None


def init() -> None:
    """Load the release; an exception here fails the deployment, with its message in the log."""
    global _release  # noqa: PLW0603 - the server's contract: init() and run() share the module
    _release = load_release(os.environ)


def load_release(environment: Mapping[str, str]) -> Release:
    """Load the model that the environment names. Raises RuntimeError or ModelFolderError."""
    for name in ("AZUREML_MODEL_DIR", "MLOPS_THRESHOLD", "MLOPS_MODEL_VERSION"):
        if not environment.get(name):
            raise RuntimeError(f"{name} is not set; the deployment must set it")
    try:
        threshold = float(environment["MLOPS_THRESHOLD"])
    except ValueError as exc:
        raise RuntimeError("MLOPS_THRESHOLD is not a number") from exc
    if not 0 < threshold < 1:
        raise RuntimeError(f"MLOPS_THRESHOLD must lie between 0 and 1, not {threshold:g}")
    folder = find_model_folder(Path(environment["AZUREML_MODEL_DIR"]))
    return Release(artefact.load(folder), folder_digest(folder), environment["MLOPS_MODEL_VERSION"], threshold)


@rawhttp  # type: ignore[untyped-decorator]
def run(request: Any) -> Any:
    """Answer one HTTP request of the inference server."""
    if _release is None:
        raise RuntimeError("init() has not run")
    identifier = request_id(request.headers)
    if request.method != "POST":
        return AMLResponse(_refusal("send the rows with POST"), 405, json_str=True)
    if (request.content_length or 0) > MAX_BYTES:
        return AMLResponse(_refusal(_too_large()), 400, json_str=True)
    status, body = answer(_release, request.get_data(cache=False), identifier)
    return AMLResponse(body, status, json_str=True)


def request_id(headers: Mapping[str, str]) -> str:
    """Return the caller's request id when it is one we can repeat safely, else a new one."""
    for name in REQUEST_ID_HEADERS:
        value = headers.get(name, "")
        if _SAFE_ID.fullmatch(value):
            return value
    return str(uuid.uuid4())


def answer(release: Release, body: bytes, identifier: str) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON value that answer a request body."""
    try:
        features, warnings = parse(body)
    except InvalidInput as exc:
        return 400, exc.body
    predictions = [
        {"probability": value, "decision": "positive" if value >= release.threshold else "negative"}
        for value in probability(release.model, features).tolist()
    ]
    return 200, {
        "request_id": identifier,
        "model_version": release.version,
        "digest": release.digest,
        "threshold": release.threshold,
        "predictions": predictions,
        "warnings": warnings,
    }


def parse(body: bytes) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
    """Return the features (n, 8) in schema order and a warning per implausible value. Raises InvalidInput."""
    rows = _rows(body)
    features = np.array([_row(row, index) for index, row in enumerate(rows)], dtype=np.float64)
    low, high = (np.array([getattr(column, end) for column in FEATURES]) for end in ("low", "high"))
    implausible = np.argwhere((features < low) | (features > high))
    return features, [_warning(FEATURES[place], row) for row, place in implausible.tolist()]


def _rows(body: bytes) -> list[Any]:
    if len(body) > MAX_BYTES:
        raise InvalidInput(_too_large())
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


def _too_large() -> str:
    return f"the body is larger than {MAX_BYTES} bytes; send at most {MAX_ROWS} rows"


def _shown(name: str) -> str:
    return json.dumps(name[:40])


def _refusal(message: str) -> dict[str, Any]:
    return InvalidInput(message).body
