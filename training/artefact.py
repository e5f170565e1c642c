"""The model folder: written in MLflow's format with skops inside, read back without MLflow.

skops loads only the types it is told to trust, so a model file cannot run code of its own choosing.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from training.data import FEATURES
from training.digest import ModelFolderError
from training.model import probability

TRUSTED_TYPES = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
"""Not in skops' own list, because a tree's node indices are not checked against its bounds: load our own runs only."""

PACKAGES = ("numpy", "scikit-learn", "scipy", "skops")


def save(model: Any, folder: Path) -> None:
    """Write the fitted model as an MLflow folder with `MLmodel` and `model.skops`; it must be absent or empty."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow.sklearn
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    signature = ModelSignature(
        inputs=Schema([ColSpec("double", column.name) for column in FEATURES]),
        outputs=Schema([ColSpec("double", "negative"), ColSpec("double", "positive")]),
    )
    mlflow.sklearn.save_model(
        model,
        path=str(folder),
        serialization_format="skops",
        skops_trusted_types=TRUSTED_TYPES,
        signature=signature,
        pip_requirements=[f"{package}=={version(package)}" for package in PACKAGES],
        pyfunc_predict_fn="predict_proba",
    )


def load(folder: Path) -> Any:
    """Read the fitted model and try it on one row. Raises ModelFolderError, which says what is wrong."""
    from skops.io import load as load_skops

    path = folder / "model.skops"
    try:
        model = load_skops(path, trusted=TRUSTED_TYPES)
    except Exception as exc:
        raise ModelFolderError(f"{path.name} does not load: {type(exc).__name__}: {exc} (in {folder})") from exc
    middle = np.array([[(column.low + column.high) / 2 for column in FEATURES]])
    try:
        answer = probability(model, middle)
    except Exception as exc:
        said = f"{path.name} does not answer one row of {len(FEATURES)} features: {exc} (in {folder})"
        raise ModelFolderError(said) from exc
    if not 0 <= answer[0] <= 1:
        raise ModelFolderError(f"{path.name} answers {answer[0]} where a probability is expected (in {folder})")
    return model
