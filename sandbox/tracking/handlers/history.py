"""Run history: what Azure ML's clients read about a job beside ARM, and how they edit its labels."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sandbox.arm import resources
from sandbox.arm.errors import ArmError
from sandbox.arm.routing import Call, Handler
from sandbox.state.documents import Document
from sandbox.tracking import runs


def handlers() -> dict[str, Handler]:
    return {
        "GET workspaces/*/runs/*/details": details,
        "GET workspaces/*/experiments/*/runs/*/details": details,
        "POST workspaces/*/rundata": rundata,
        "PATCH workspaces/*/experiments/*/runs/*": edit,
    }


def details(call: Call) -> Response:
    """Status, times and, for a failed run, why: `error.error.message`."""
    job = _job(call, call.id.names[-1])
    properties, record = job["properties"], _record(call, job)
    body: Document = {
        "runId": job["name"],
        "target": (properties.get("computeId") or "local").rpartition("/")[2],
        "status": properties["status"],
        "startTimeUtc": record.get("started_at"),
        "endTimeUtc": record.get("ended_at"),
        "properties": properties.get("properties") or {},
        "inputDatasets": [],
        "outputDatasets": [],
        "logFiles": {},
        "warnings": [],
    }
    if record.get("error"):
        code = "UserError" if record.get("exit_code") else "ServiceError"
        body["error"] = {"error": {"code": code, "message": record["error"], "details": []}, "time": record["ended_at"]}
    return JSONResponse(body)


def rundata(call: Call) -> Response:
    """`{"runId": ...}` -> the run's record; named outputs are found in the datastore, not here."""
    job = _job(call, str(call.body.get("runId") or ""))
    properties, record = job["properties"], _record(call, job)
    metadata = {
        "runId": job["name"],
        "status": properties["status"],
        "displayName": properties.get("displayName"),
        "createdUtc": job["systemData"]["createdAt"],
        "startTimeUtc": record.get("started_at"),
        "endTimeUtc": record.get("ended_at"),
        "tags": properties.get("tags") or {},
        "properties": properties.get("properties") or {},
        "inputs": {},
        "outputs": {},
    }
    return JSONResponse({"runMetadata": metadata})


def edit(call: Call) -> Response:
    """Tags, display name, description and the archive flag of a job, in ARM and in MLflow alike."""
    name = call.id.name
    job, body = _job(call, name), call.body
    tags = {key: str(value) for key, value in (body.get("tags") or {}).items()}

    def change(document: Document) -> Document:
        properties = dict(document["properties"])
        properties["tags"] = {**(properties.get("tags") or {}), **tags}
        properties["properties"] = {**(properties.get("properties") or {}), **(body.get("properties") or {})}
        for wire, stored in (("displayName", "displayName"), ("description", "description"), ("hidden", "isArchived")):
            if body.get(wire) is not None:
                properties[stored] = body[wire]
        return {**document, "properties": properties}

    changed = resources.update(call.world, job["id"], change)
    assert changed is not None
    runs.set_tags(call.world, call.id.workspace, name, tags)
    if body.get("displayName"):
        runs.rename_run(call.world, call.id.workspace, name, body["displayName"])
    properties = changed["properties"]
    return JSONResponse({"runId": name, "status": properties["status"], "tags": properties["tags"]})


def _job(call: Call, name: str) -> Document:
    found = resources.get(call.world, f"{call.id.workspace_id}/jobs/{name}") if name else None
    if found is None:
        raise ArmError(404, "NotFound", f"There is no run {name!r} in workspace {call.id.workspace}.")
    return found


def _record(call: Call, job: Document) -> Document:
    return call.world.documents.get("job", job["id"].lower()) or {}
