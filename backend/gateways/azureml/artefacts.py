"""A run's artefacts: logs under `user_logs/`, what training wrote under `evidence/`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from backend.errors import NotFound
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.errors import azureml

LOG = "user_logs/std_log.txt"


class Artefacts:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def read(self, run: str, path: str) -> bytes:
        """One file of a run's artefact folder. Raises NotFound where the run has no such file."""
        client = self._workspace.tracking()
        with tempfile.TemporaryDirectory(prefix="mlops-artefact-") as folder:
            with azureml("read a run's artefact"):
                name = client.download_artifacts(run, path, folder)
            file = Path(name)
            if not file.is_file():
                raise NotFound(f"run {run} has no artefact {path}")
            return file.read_bytes()

    def names(self, run: str, folder: str = "") -> tuple[str, ...]:
        """Paths of the files and folders directly in `folder`."""
        with azureml("list a run's artefacts"):
            return tuple(info.path for info in self._workspace.tracking().list_artifacts(run, folder or None))

    def log_tail(self, run: str, lines: int) -> str:
        """The last lines of the run's output, "" before it has written any."""
        try:
            text = self.read(run, LOG).decode(errors="replace")
        except NotFound:
            return ""
        return "\n".join(text.splitlines()[-lines:])
