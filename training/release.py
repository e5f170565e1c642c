"""What a deployment serves, and its answer to a request body.

    {"request_id", "model_version", "digest", "threshold", "predictions": [{"probability", "decision"}], "warnings"}

Nothing here knows the server. Arrays are used throughout: a DataFrame would cost more than the HTTP around it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import artefact
from training.data import FEATURE_NAMES
from training.digest import find_model_folder, folder_digest
from training.model import probability
from training.request import InvalidInput, parse

MOST_TOLD = 100

Seen = Callable[[NDArray[np.float64], Sequence[Mapping[str, Any]], str], None]
"""Is given the features of the rows, (n, 8), their n predictions, and the id of the request."""


@dataclass(frozen=True)
class Release:
    """What this process serves: the fitted model and the identity that every answer repeats."""

    model: Any
    digest: str
    version: str
    threshold: float


def load(environment: Mapping[str, str]) -> Release:
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


def score_line(body: Mapping[str, Any]) -> str:
    """What an answer said, for the log: how many rows were positive, and the risks. Nothing of what was asked.

    A log cuts lines of several thousand characters, so a large batch tells its first rows.
    """
    told = body["predictions"][:MOST_TOLD]
    positives = sum(row["decision"] == "positive" for row in told)
    risks = [round(row["probability"], 4) for row in told]
    return "mlops-scores " + json.dumps({"positives": positives, "risks": risks}, separators=(",", ":"))


def refusal_line(body: Mapping[str, Any]) -> str:
    """Which field a refusal named, for the log; other names are the caller's text and are not repeated."""
    field = body["error"]["field"]
    told = field if field in FEATURE_NAMES else "another field" if field and field != "rows" else "the whole request"
    return "mlops-refused " + json.dumps({"field": told}, separators=(",", ":"))


def answer(release: Release, body: bytes, identifier: str, seen: Seen | None = None) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON value that answer a request body; `seen` is told what was answered."""
    try:
        features, warnings = parse(body)
    except InvalidInput as exc:
        return 400, exc.body
    predictions = [
        {"probability": value, "decision": "positive" if value >= release.threshold else "negative"}
        for value in probability(release.model, features).tolist()
    ]
    if seen is not None:
        seen(features, predictions, identifier)
    return 200, {
        "request_id": identifier,
        "model_version": release.version,
        "digest": release.digest,
        "threshold": release.threshold,
        "predictions": predictions,
        "warnings": warnings,
    }
