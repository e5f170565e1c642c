"""What a run tells MLflow: parameters, metrics, tags and its evidence, said explicitly and once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def record(
    *, params: Mapping[str, object], metrics: Mapping[str, float], tags: Mapping[str, str], evidence: Path
) -> None:
    """Log one run with the evidence folder as `evidence/`; does nothing unless MLFLOW_TRACKING_URI is set.

    As a job, MLFLOW_RUN_ID names the run. It is consumed by the first `start_run`, so all is logged within that one.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        return
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    import mlflow

    with mlflow.start_run():
        mlflow.log_params(dict(params))
        mlflow.set_tags(dict(tags))
        mlflow.log_metrics(dict(metrics))
        mlflow.log_artifacts(str(evidence), "evidence")
