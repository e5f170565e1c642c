"""Training runs for pull requests and retraining: submitted under names that repeat, so that a repeated call adopts."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from backend.domain.registry import ModelVersion
from backend.domain.runs import RunState
from backend.errors import NotFound, PolicyDenied, RemoteUnavailable
from backend.gateways.azureml.assets import Asset, Assets
from backend.gateways.azureml.jobs import JobRequest, Jobs
from backend.gateways.azureml.models import FIGURES, Models
from backend.settings_project import Project

COMMAND = (
    "python -m training.train --data ${{inputs.data}} --params training/params.toml "
    "--model-dir ${{outputs.model}} --evidence-dir evidence"
)
CHECK_COMMAND = "python -m training.prepare --data ${{inputs.data}} --evidence-dir evidence"
ATTEMPTS = 20
"""A commit whose job failed this often under the same data is not tried again by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a run is about; written to its tags."""

    purpose: str
    commit: str
    pull_request: str
    branch: str
    author: str


class Training:
    """The training of one workspace on one data asset."""

    def __init__(self, project: Project, data_name: str, jobs: Jobs, assets: Assets, models: Models) -> None:
        self._project, self._data_name = project, data_name
        self._jobs, self._assets, self._models = jobs, assets, models

    def data(self) -> Asset:
        """The data asset as registered now. Raises NotFound where setup has not created it."""
        asset = self._assets.data(self._data_name)
        if asset is None:
            raise NotFound(f"There is no data asset {self._data_name}: `mlops setup apply` registers it.")
        return asset

    def train(self, source: Path, subject: Subject, data: Asset) -> str:
        """Submit training of the `training/` folder in `source`, or adopt the run of that commit on that data."""
        return self._submit(source, subject, data, COMMAND, ("model",), "train")

    def check_data(self, source: Path, subject: Subject, data: Asset) -> str:
        """Submit the schema check of the data asset by the code in `source`."""
        return self._submit(source, subject, data, CHECK_COMMAND, (), "data")

    def _submit(
        self, source: Path, subject: Subject, data: Asset, command: str, outputs: tuple[str, ...], prefix: str
    ) -> str:
        code = hashlib.sha256(f"{source_digest(source)}\n{data.digest}\n{data.version}".encode()).hexdigest()[:6]
        for attempt in range(1, ATTEMPTS + 1):
            # Azure ML's run ids hold 32 characters at most.
            name = f"{prefix}-{subject.commit[:9]}-{code}-{attempt}"
            if (state := self._state(name)) is not None and state.broken_off:
                continue
            return self._jobs.submit(
                JobRequest(
                    name=name,
                    display_name=f"{subject.purpose}: {subject.branch or subject.commit[:9]}",
                    experiment="diabetes" if prefix == "train" else "diabetes-data-checks",
                    command=command,
                    code=source,
                    environment=self._environment(),
                    compute=self._project.compute,
                    inputs={"data": data.id},
                    outputs=outputs,
                    tags=self._tags(subject, data),
                )
            )
        raise PolicyDenied(
            f"The run of commit {subject.commit[:9]} failed {ATTEMPTS} times on {data.name}:{data.version}; mend the "
            "cause named in its log and push a new commit.",
            (),
        )

    def wait(self, name: str, seconds: float, report: Callable[[RunState, float], None]) -> None:
        """Until the run has completed. Raises PolicyDenied with its own reason if it failed."""
        started, pause = time.monotonic(), threading.Event()
        while (state := self._jobs.state(name)) is not RunState.COMPLETED:
            if state.broken_off:
                raise PolicyDenied(f"The run {name} {state.value}: {self._jobs.failure(name)}", ())
            if time.monotonic() - started > seconds:
                raise RemoteUnavailable(
                    f"The run {name} is still {state.value} after {seconds:.0f} s; it goes on by itself, and running "
                    "this again looks at the same run.",
                    service="azureml", operation="wait for a run",
                )  # fmt: skip
            report(state, time.monotonic() - started)
            pause.wait(1.0)

    def register(self, name: str, subject: Subject, data: Asset) -> ModelVersion:
        """Register the completed run's model with its lineage; the version this run registered before, if it did."""
        facts = json.loads(self._jobs.artefact(name, "evidence/model.json"))
        metrics = json.loads(self._jobs.artefact(name, "evidence/metrics.json"))
        tags = {
            **self._tags(subject, data),
            "run": name,
            "digest": str(facts["digest"]),
            "threshold": repr(float(facts["threshold"])),
            "environment": self._jobs.environment_id(name),
            "data_profile": self._profile(name),
            **{figure: repr(float(metrics[figure])) for figure in FIGURES if figure in metrics},
        }
        return self._models.register(
            self._project.model, name, "model", tags, f"{facts['kind']} trained on {data.name}:{data.version}"
        )

    def _tags(self, subject: Subject, data: Asset) -> Mapping[str, str]:
        return {
            "purpose": subject.purpose,
            "commit": subject.commit,
            "pull_request": subject.pull_request,
            "branch": subject.branch,
            "author": subject.author,
            "data_asset": f"{data.name}:{data.version}",
            "data_digest": data.digest,
        }

    def _profile(self, name: str) -> str:
        """The digest of the run's description of its data; "" where its code made none."""
        try:
            content = self._jobs.artefact(name, "evidence/data_profile.json")
        except NotFound:
            return ""
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    def _environment(self) -> str:
        asset = self._assets.environment(self._project.environment)
        if asset is None:
            raise NotFound(f"There is no environment {self._project.environment}: `mlops setup apply` registers it.")
        return asset.id

    def _state(self, name: str) -> RunState | None:
        try:
            return self._jobs.state(name)
        except NotFound:
            return None


def source_digest(source: Path) -> str:
    """sha256 over the files of `source/training`, so that equal code under another commit is still told apart by it."""
    summary = hashlib.sha256()
    for path in sorted((source / "training").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            summary.update(f"{path.relative_to(source)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return summary.hexdigest()
