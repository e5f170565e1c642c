"""A run's artefacts: logs under `user_logs/`, what training wrote under `evidence/`."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

from backend.domain.runs import Artefact
from backend.errors import NotFound
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.errors import azureml

LOG = "user_logs/std_log.txt"
MOST_FILES = 300

_process_wide = threading.Lock()


class Artefacts:
    """Reads files of the artefact folders of one workspace's runs."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def read(self, run: str, path: str) -> bytes:
        """One file of a run's artefact folder. Raises NotFound where the run has no such file."""
        with tempfile.TemporaryDirectory(prefix="mlops-artefact-") as folder:
            with azureml("read a run's artefact"):
                name = self._repository(run).download_artifacts(path, folder)
            file = Path(name)
            if not file.is_file():
                raise NotFound(f"run {run} has no artefact {path}")
            return file.read_bytes()

    def names(self, run: str, folder: str = "") -> tuple[str, ...]:
        """Paths of the files and folders directly in `folder`."""
        with azureml("list a run's artefacts"):
            return tuple(info.path for info in self._repository(run).list_artifacts(folder or None))

    def files(self, run: str) -> tuple[Artefact, ...]:
        """The files in all folders, `MOST_FILES` at most, by path."""
        found: list[Artefact] = []
        with azureml("list a run's artefacts"):
            repository = self._repository(run)
            folders: list[str | None] = [None]
            while folders and len(found) < MOST_FILES:
                for info in repository.list_artifacts(folders.pop(0)):
                    if info.is_dir:
                        folders.append(info.path)
                    else:
                        found.append(Artefact(path=info.path, size=info.file_size or 0))
        return tuple(sorted(found[:MOST_FILES], key=lambda file: file.path))

    def log_tail(self, run: str, lines: int) -> str:
        """The last lines of the run's output, "" before it has written any."""
        try:
            text = self.read(run, LOG).decode(errors="replace")
        except NotFound:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _repository(self, run: str) -> Any:
        """The artefact folder of a run.

        azureml-mlflow takes host, workspace and credential from the process-wide tracking URI, whatever the run's own
        address says: two workspaces in one process would read each other's. So the URI is set for the moment in which
        the repository is made; afterwards it keeps what it was given.
        """
        import mlflow
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        client = self._workspace.tracking()
        address = client.get_run(run).info.artifact_uri
        with _process_wide:
            mlflow.set_tracking_uri(client.tracking_uri)
            return get_artifact_repository(address, tracking_uri=client.tracking_uri)
