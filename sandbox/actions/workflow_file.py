"""Workflow files read into values. A key that the runner would ignore is an error here, never a silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

WORKFLOW_KEYS = {"name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
JOB_KEYS = {
    "name", "needs", "if", "runs-on", "permissions", "env", "defaults", "steps", "outputs",
    "timeout-minutes",
}  # fmt: skip
STEP_KEYS = {
    "id", "name", "if", "uses", "run", "with", "env", "shell", "working-directory", "continue-on-error",
    "timeout-minutes",
}  # fmt: skip
ACTIONS = ("actions/checkout", "actions/setup-python", "actions/upload-artifact", "actions/download-artifact")


class WorkflowError(Exception):
    """The file is not a workflow that can run here; the text says which key and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`uses` is the action without its ref, `used` as it was written."""

    id: str
    name: str
    condition: object
    uses: str
    used: str
    run: str
    inputs: Mapping[str, Any]
    env: Mapping[str, Any]
    shell: str
    working_directory: str
    continue_on_error: bool
    timeout_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    id: str
    name: str
    needs: tuple[str, ...]
    condition: object
    permissions: Mapping[str, str]
    env: Mapping[str, Any]
    steps: tuple[Step, ...]
    outputs: Mapping[str, str]
    timeout_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    path: str
    name: str
    triggers: Mapping[str, Mapping[str, Any]]
    env: Mapping[str, Any]
    concurrency: str = ""
    cancel_in_progress: object = False
    jobs: Mapping[str, Job] = field(default_factory=dict)


def read_workflow(path: str, text: str) -> Workflow:
    """The workflow in `text`. Raises WorkflowError for whatever this runner would read otherwise than GitHub."""
    try:
        return _workflow(path, yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise WorkflowError(f"{path}: not YAML: {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise WorkflowError(f"{path}: a value has the wrong shape: {error}") from error


def _workflow(path: str, document: Any) -> Workflow:
    if not isinstance(document, dict):
        raise WorkflowError(f"{path}: a workflow is a mapping")
    # YAML 1.1 reads the bare key `on` as the boolean true.
    document = {("on" if key is True else key): value for key, value in document.items()}
    _known(path, document, WORKFLOW_KEYS)
    concurrency = document.get("concurrency") or {}
    if isinstance(concurrency, str):
        concurrency = {"group": concurrency}
    default_permissions = _permissions(document.get("permissions"))
    jobs = {
        job_id: _job(path, job_id, body, default_permissions, document.get("defaults") or {})
        for job_id, body in (document.get("jobs") or {}).items()
    }
    if not jobs:
        raise WorkflowError(f"{path}: no jobs")
    for job in jobs.values():
        for needed in job.needs:
            if needed not in jobs:
                raise WorkflowError(f"{path}: job {job.id} needs {needed}, which does not exist")
    return Workflow(
        path=path,
        name=str(document.get("name") or path),
        triggers=_triggers(document.get("on")),
        env=document.get("env") or {},
        concurrency=str(concurrency.get("group", "")),
        cancel_in_progress=concurrency.get("cancel-in-progress", False),
        jobs=jobs,
    )


def _known(where: str, body: Mapping[str, Any], keys: set[str]) -> None:
    unknown = sorted(set(body) - keys)
    if unknown:
        raise WorkflowError(f"{where}: {', '.join(unknown)} is not supported by this runner")


def _triggers(on: Any) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(on, str):
        return {on: {}}
    if isinstance(on, list):
        return {name: {} for name in on}
    if isinstance(on, dict):
        return {name: options or {} for name, options in on.items()}
    raise WorkflowError("on: names no event")


def _permissions(value: Any) -> dict[str, str]:
    if value in ("read-all", "write-all"):
        raise WorkflowError(f"permissions: {value} is not supported; name each permission")
    return dict(value or {})


def _job(
    path: str, job_id: str, body: Mapping[str, Any], permissions: dict[str, str], defaults: Mapping[str, Any]
) -> Job:
    where = f"{path}: job {job_id}"
    _known(where, body, JOB_KEYS)
    needs = body.get("needs") or ()
    run_defaults = {**(defaults.get("run") or {}), **((body.get("defaults") or {}).get("run") or {})}
    return Job(
        id=job_id,
        name=str(body.get("name") or job_id),
        needs=(needs,) if isinstance(needs, str) else tuple(needs),
        condition=body.get("if"),
        permissions=_permissions(body["permissions"]) if "permissions" in body else permissions,
        env=body.get("env") or {},
        steps=tuple(_step(where, index, step, run_defaults) for index, step in enumerate(body.get("steps") or ())),
        outputs=body.get("outputs") or {},
        timeout_minutes=float(body.get("timeout-minutes", 30)),
    )


def _step(where: str, index: int, body: Mapping[str, Any], defaults: Mapping[str, Any]) -> Step:
    _known(f"{where}, step {index + 1}", body, STEP_KEYS)
    uses, run = str(body.get("uses") or ""), str(body.get("run") or "")
    if bool(uses) == bool(run):
        raise WorkflowError(f"{where}, step {index + 1}: exactly one of uses and run is needed")
    if uses and uses.partition("@")[0] not in ACTIONS:
        raise WorkflowError(f"{where}, step {index + 1}: the action {uses} is not available on this runner")
    return Step(
        id=str(body.get("id") or ""),
        name=str(body.get("name") or uses or run.strip().splitlines()[0]),
        condition=body.get("if"),
        uses=uses.partition("@")[0],
        used=uses,
        run=run,
        inputs=body.get("with") or {},
        env=body.get("env") or {},
        shell=str(body.get("shell") or defaults.get("shell") or "bash"),
        working_directory=str(body.get("working-directory") or defaults.get("working-directory") or ""),
        continue_on_error=bool(body.get("continue-on-error", False)),
        timeout_minutes=float(body.get("timeout-minutes", 30)),
    )
