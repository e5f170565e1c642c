"""Registered model versions. Their lineage and figures are tags, written once at registration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backend.domain.registry import Lineage, ModelVersion
from backend.errors import NotFound
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.errors import azureml

FIGURES = ("auc", "sensitivity", "specificity", "brier")
"""The tags that are metrics; the others are lineage, digest and threshold."""


class Models:
    """The registry of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def versions(self, model: str) -> tuple[ModelVersion, ...]:
        """All versions that are not archived, newest first; none where the model was never registered."""
        try:
            with azureml("list model versions"):
                found = list(self._workspace.ml().models.list(name=model))
        except NotFound:
            return ()
        versions = [as_version(entity) for entity in found]
        return tuple(sorted(versions, key=lambda v: (v.created_at, v.version), reverse=True))

    def get(self, model: str, version: str) -> ModelVersion:
        with azureml("read a model version"):
            return as_version(self._workspace.ml().models.get(model, version))

    def register(
        self, name: str, job_name: str, output: str, tags: Mapping[str, str], description: str
    ) -> ModelVersion:
        """Register a job's output folder as the next version.

        A version that this job already registered is adopted, so that a repeated call registers once.
        """
        from azure.ai.ml.entities import Model

        adopted = next((v for v in self.versions(name) if v.lineage.run == job_name), None)
        if adopted is not None:
            return adopted
        entity = Model(
            name=name,
            path=f"azureml://jobs/{job_name}/outputs/{output}",
            type="mlflow_model",
            tags={**tags, "run": job_name},
            description=description,
        )
        with azureml("register a model"):
            return as_version(self._workspace.ml().models.create_or_update(entity))

    def download(self, model: str, version: str, folder: Path) -> Path:
        """Fetch a version's files below `folder` and answer the model folder itself (the one with `MLmodel`)."""
        with azureml("download a model"):
            self._workspace.ml().models.download(model, version, download_path=str(folder))
        found = sorted(folder.rglob("MLmodel"))
        if not found:
            raise NotFound(f"{model} version {version} holds no MLmodel file; it is not a model this console can check")
        return found[0].parent


def as_version(entity: Any) -> ModelVersion:
    """A registered version from the SDK's entity; a figure that is no number is left out."""
    tags = {str(name): str(value) for name, value in (entity.tags or {}).items()}
    created = getattr(entity.creation_context, "created_at", None)
    return ModelVersion(
        name=entity.name,
        version=str(entity.version),
        digest=tags.get("digest", ""),
        created_at=_aware(created),
        threshold=_number(tags.get("threshold", "")) or 0.5,
        lineage=Lineage(**{field: tags.get(field, "") for field in Lineage.model_fields}),
        metrics={name: value for name in FIGURES if (value := _number(tags.get(name, ""))) is not None},
        description=entity.description or "",
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _aware(moment: datetime | None) -> datetime:
    """The service's UTC time; a version without one sorts as the oldest."""
    if moment is None:
        return datetime.fromtimestamp(0, UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
