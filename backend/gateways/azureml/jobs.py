"""Command jobs: submit, look, cancel, read what they left."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.domain.authorship import Submitter
from backend.domain.runs import RunState
from backend.errors import NotFound
from backend.gateways.azureml.artefacts import Artefacts
from backend.gateways.azureml.client import Workspace, leave_alone, service_word, version_in
from backend.gateways.azureml.errors import azureml
from backend.gateways.azureml.staging import staged
from backend.gateways.failures import one_line

STATES = {
    "NotStarted": RunState.QUEUED,
    "Queued": RunState.QUEUED,
    "Preparing": RunState.QUEUED,
    "Provisioning": RunState.QUEUED,
    "Starting": RunState.QUEUED,
    "Paused": RunState.QUEUED,
    "Running": RunState.RUNNING,
    "Finalizing": RunState.RUNNING,
    "CancelRequested": RunState.RUNNING,
    # The node stopped reporting; the service still decides, so it is not over yet.
    "NotResponding": RunState.RUNNING,
    "Completed": RunState.COMPLETED,
    "Failed": RunState.FAILED,
    "Canceled": RunState.CANCELLED,
}
"""The service's status words (azure-ai-ml, `_run_history_constants.py`)."""

MODEL_OUTPUT = "model"
SAYS_WHY = "error: "
"""How a program of `training/` begins the line that says why it ends. Azure's reason may quote the end of the log."""


def _said(lines: str) -> str:
    """The last reason that a program gave in these lines, "" without one."""
    told = (line.strip() for line in reversed(lines.splitlines()))
    return next((line.removeprefix(SAYS_WHY) for line in told if line.startswith(SAYS_WHY)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A command to run in the folder that contains `training/`.

    `code` is a folder with `training/` in it, or the ARM id of code uploaded before. `inputs` are literals, data
    asset ids (one file), model ids or `azureml://` addresses (a folder); `command` refers to them as
    `${{inputs.x}}`. `outputs` are folders, `${{outputs.y}}`; the one called `model` is an MLflow model.
    """

    name: str
    display_name: str
    experiment: str
    command: str
    code: Path | str
    environment: str
    compute: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a job was made of, enough to make it once more."""

    code: str
    environment: str
    compute: str
    command: str
    experiment: str
    display_name: str
    inputs: Mapping[str, str]
    outputs: tuple[str, ...]
    tags: Mapping[str, str]
    variables: Mapping[str, str]


class Jobs:
    """The jobs of one workspace. A job's name is its run's id."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._artefacts = Artefacts(workspace)

    def submit(self, request: JobRequest) -> str:
        """Start the job and answer its name; a job of that name already there is adopted, whatever its state."""
        try:
            self._get(request.name)
        except NotFound:
            pass
        else:
            return request.name
        from azure.ai.ml import Output, command

        code: AbstractContextManager[Path | str] = (
            staged(request.code) if isinstance(request.code, Path) else nullcontext(request.code)
        )
        with code as folder, azureml("submit a job"):
            job = command(
                name=request.name,
                display_name=request.display_name,
                experiment_name=request.experiment,
                command=request.command,
                code=str(folder),
                environment=request.environment,
                compute=request.compute,
                inputs={name: _input(value) for name, value in request.inputs.items()},
                outputs={
                    name: Output(type="mlflow_model" if name == MODEL_OUTPUT else "uri_folder")
                    for name in request.outputs
                },
                tags=dict(request.tags),
                environment_variables=dict(request.variables),
            )
            return str(self._workspace.ml().jobs.create_or_update(job).name)

    def state(self, name: str) -> RunState:
        """Raises NotFound for a job that was never submitted."""
        return STATES.get(service_word(self._get(name).status), RunState.RUNNING)

    def submitter(self, name: str) -> Submitter | None:
        """Who submitted the job, by the name the service shows; None where it does not say.

        Of a person that is the display name, of a workflow the name of its identity.
        """
        made = self._get(name).creation_context
        by = str(getattr(made, "created_by", None) or "")
        person = service_word(getattr(made, "created_by_type", None) or "") == "User"
        return Submitter(name=by, person=person) if by else None

    def failure(self, name: str) -> str:
        """Why the job failed, in one line: what its program said, else the service's reason, else its last line."""
        with azureml("read a job's error"):
            details = self._workspace.ml().jobs._runs_operations.get_run_details(name)
        problem = getattr(getattr(details, "error", None), "error", None)
        reason = str(getattr(problem, "message", None) or "")
        said = _said(reason)
        if said:
            return one_line(said)
        log = self.log_tail(name, 50)
        last = next((line for line in reversed(log.splitlines()) if line.strip()), "")
        return one_line(_said(log) or reason or last) or "the job ended without writing a line"

    def cancel(self, name: str) -> None:
        """Ask the service to stop the job; it reports `cancelled` when it has."""
        with azureml("cancel a job"):
            leave_alone(self._workspace.ml().jobs.begin_cancel(name))

    def artefact(self, name: str, path: str) -> bytes:
        """A file of the job's artefact folder, such as `evidence/metrics.json`."""
        return self._artefacts.read(name, path)

    def log_tail(self, name: str, lines: int) -> str:
        return self._artefacts.log_tail(name, lines)

    def code_id(self, name: str) -> str:
        """ARM id of the code the job ran."""
        return self._arm_id("codes", self._get(name).code)

    def environment_id(self, name: str) -> str:
        """ARM id of the environment the job ran in."""
        return self._arm_id("environments", self._get(name).environment)

    def origin(self, name: str) -> Origin:
        """What the job was made of. Raises NotFound for a run that was no job."""
        job = self._get(name)
        inputs = {key: self._whole(value) for key, value in dict(job.inputs or {}).items()}
        return Origin(
            code=self._arm_id("codes", job.code),
            environment=self._arm_id("environments", job.environment),
            compute=str(job.compute or "").rpartition("/")[2],
            command=str(job.command),
            experiment=str(job.experiment_name),
            display_name=str(job.display_name or name),
            inputs=inputs,
            outputs=tuple(sorted(dict(job.outputs or {}).keys() - {"default"})),
            tags={key: str(value) for key, value in dict(job.tags or {}).items()},
            variables={key: str(value) for key, value in dict(job.environment_variables or {}).items()},
        )

    def _get(self, name: str) -> Any:
        with azureml("read a job"):
            return self._workspace.ml().jobs.get(name)

    def _whole(self, value: Any) -> str:
        """An input as `JobRequest` takes it: an asset that the SDK has shortened to `name:version` by its whole id."""
        path = str(getattr(value, "path", None) or value)
        if not hasattr(value, "path") or path.startswith(("azureml://", "/subscriptions/")):
            return path
        return self._arm_id("models" if "model" in str(value.type) else "data", path)

    def _arm_id(self, collection: str, reference: object) -> str:
        """The SDK shortens ids of the same workspace to `name:version`, sometimes with `azureml:` in front."""
        text = str(reference).removeprefix("azureml:")
        if text.startswith("/subscriptions/"):
            return text
        name, version = version_in(text)
        return f"{self._workspace.arm_id}/{collection}/{name}/versions/{version}"


def _input(value: str) -> Any:
    """A literal, or an asset with the type its address tells."""
    from azure.ai.ml import Input

    if not value.startswith(("azureml:", "/subscriptions/")):
        return value
    if "/models/" in value:
        return Input(type="mlflow_model", path=value)
    folder = value.startswith("azureml://") and not Path(value).suffix
    return Input(type="uri_folder" if folder else "uri_file", path=value)
