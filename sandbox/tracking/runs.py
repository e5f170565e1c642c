"""Runs in the real mlflow server, as the job runner and the history service see them: the run id is the job's name."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import httpx

from sandbox.tracking.errors import TrackingError
from sandbox.tracking.server import server_url
from sandbox.world import World

WORKSPACE_HEADER = "X-MLFLOW-WORKSPACE"
API = "/api/2.0/mlflow"
ALREADY_THERE = "RESOURCE_ALREADY_EXISTS"
TIMEOUT_SECONDS = 30.0


def workspace_headers(workspace: str) -> dict[str, str]:
    """What separates the runs of one Azure ML workspace from another's inside the one server."""
    return {WORKSPACE_HEADER: workspace.lower().replace("_", "-")}


def ensure_workspace(world: World, workspace: str) -> None:
    name = workspace_headers(workspace)[WORKSPACE_HEADER]
    response = _client(world).post("/api/3.0/mlflow/workspaces", json={"name": name})
    if response.status_code >= 400 and response.json().get("error_code") != ALREADY_THERE:
        raise _error(response)


def ensure_experiment(world: World, workspace: str, name: str) -> str:
    """The id of the experiment, created if need be."""
    found = _call(world, workspace, "GET", "experiments/get-by-name", params={"experiment_name": name}, missing={})
    if found:
        return str(found["experiment"]["experiment_id"])
    try:
        return str(_call(world, workspace, "POST", "experiments/create", json={"name": name})["experiment_id"])
    except TrackingError as error:
        if error.code != ALREADY_THERE:
            raise
        return ensure_experiment(world, workspace, name)


def create_run(
    world: World,
    workspace: str,
    experiment_id: str,
    run_id: str,
    *,
    display_name: str,
    user: str,
    tags: Mapping[str, str],
) -> None:
    """A run under an id of our choice, status SCHEDULED; nothing happens if it is there already.

    The REST operation takes no id, so the row is renamed in the server's database before anyone knows of it.
    """
    if get_run(world, workspace, run_id) is not None:
        return
    moment = int(world.now().timestamp() * 1000)
    pairs = [{"key": key, "value": value} for key, value in {**tags, "mlflow.user": user}.items()]
    body = {"experiment_id": experiment_id, "start_time": moment, "run_name": display_name or run_id, "tags": pairs}
    run = _call(world, workspace, "POST", "runs/create", json=body)["run"]["info"]
    _rename(world, run["run_id"], run_id)
    _call(world, workspace, "POST", "runs/update", json={"run_id": run_id, "status": "SCHEDULED"})


def update_run(world: World, workspace: str, run_id: str, status: str, end_time_ms: int | None = None) -> None:
    body: dict[str, Any] = {"run_id": run_id, "status": status}
    if end_time_ms is not None:
        body["end_time"] = end_time_ms
    _call(world, workspace, "POST", "runs/update", json=body)


def rename_run(world: World, workspace: str, run_id: str, display_name: str) -> None:
    _call(world, workspace, "POST", "runs/update", json={"run_id": run_id, "run_name": display_name})


def set_tags(world: World, workspace: str, run_id: str, tags: Mapping[str, str]) -> None:
    pairs = [{"key": key, "value": str(value)} for key, value in tags.items()]
    if pairs:
        _call(world, workspace, "POST", "runs/log-batch", json={"run_id": run_id, "tags": pairs})


def get_run(world: World, workspace: str, run_id: str) -> dict[str, Any] | None:
    found = _call(world, workspace, "GET", "runs/get", params={"run_id": run_id}, missing={})
    return dict(found["run"]) if found else None


def _call(
    world: World,
    workspace: str,
    method: str,
    operation: str,
    *,
    json: Any = None,
    params: Mapping[str, str] | None = None,
    missing: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One REST call; `missing` is returned for RESOURCE_DOES_NOT_EXIST instead of an error."""
    response = _client(world).request(
        method, f"{API}/{operation}", json=json, params=params, headers=workspace_headers(workspace)
    )
    if response.status_code < 400:
        return dict(response.json())
    error = _error(response)
    if missing is not None and error.code == "RESOURCE_DOES_NOT_EXIST":
        return missing
    raise error


def _client(world: World) -> httpx.Client:
    return httpx.Client(base_url=server_url(world), timeout=TIMEOUT_SECONDS, trust_env=False)


def _error(response: httpx.Response) -> TrackingError:
    try:
        body = response.json()
    except ValueError:
        body = {}
    code = str(body.get("error_code", "INTERNAL_ERROR"))
    return TrackingError(response.status_code, code, str(body.get("message", response.text[:500])))


def _rename(world: World, before: str, after: str) -> None:
    """A run that was created this moment has a row of its own and tags, nothing else."""
    connection = sqlite3.connect(world.settings.home / "mlflow" / "mlflow.db", timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "UPDATE runs SET run_uuid = ?, artifact_uri = replace(artifact_uri, ?, ?) WHERE run_uuid = ?",
            (after, before, after, before),
        )
        connection.execute("UPDATE tags SET run_uuid = ? WHERE run_uuid = ?", (after, before))
        connection.execute("COMMIT")
    finally:
        connection.close()
