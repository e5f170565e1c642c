"""Command jobs: accepted, checked and handed to the runner; every status comes from the process."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sandbox.arm import operations, resources
from sandbox.arm.assets import code_folder, environment, input_path
from sandbox.arm.errors import ArmError, bad_request, not_found
from sandbox.arm.handlers.workspaces import require_workspace
from sandbox.arm.routing import Call, Handler, listing
from sandbox.runtime.job_command import PLACEHOLDER
from sandbox.runtime.jobs import Jobs
from sandbox.state.documents import Document

TERMINAL = {"Completed", "Failed", "Canceled"}
EDITABLE = ("displayName", "description", "tags", "properties", "isArchived")


def handlers(jobs: Jobs) -> dict[str, Handler]:
    def put(call: Call) -> Response:
        require_workspace(call.world, call.id)
        properties = call.body.get("properties") or {}
        if resources.get(call.world, call.id.text) is not None:
            return _edit(call, properties)
        body = {"properties": _accepted(call, properties)}
        stored = resources.create(call.world, call.id.text, body, call.principal.name)
        if stored is None:
            return _edit(call, properties)
        try:
            jobs.submit(call.id.text, user=call.principal.name)
        except Exception:
            resources.delete(call.world, call.id.text)
            raise
        return JSONResponse(stored, 201)

    def cancel(call: Call) -> Response:
        job = _required(call, call.id.target)
        if job["properties"]["status"] in TERMINAL:
            status = job["properties"]["status"]
            raise bad_request(f"The job {job['name']} is {status} and cannot be cancelled any more.")
        headers = operations.begin(call.world, job["id"], lambda: jobs.cancel(job["id"]))
        headers.pop("Azure-AsyncOperation")
        return Response(status_code=202, headers=headers)

    return {
        "GET workspaces/*/jobs": list_jobs,
        "GET workspaces/*/jobs/*": get,
        "PUT workspaces/*/jobs/*": put,
        "POST workspaces/*/jobs/*/cancel": cancel,
    }


def list_jobs(call: Call) -> Response:
    """Newest first."""
    require_workspace(call.world, call.id)
    wanted = {"ActiveOnly": (False,), "ArchivedOnly": (True,)}.get(call.query.get("listViewType", ""), (False, True))
    found = resources.children(call.world, call.id.target, "jobs")
    return listing([job for job in reversed(found) if bool(job["properties"].get("isArchived")) in wanted])


def get(call: Call) -> Response:
    return JSONResponse(_required(call, call.id.text))


def _edit(call: Call, properties: Document) -> Response:
    """A second PUT of a name edits its labels; what runs cannot be exchanged."""

    def change(document: Document) -> Document:
        before = document["properties"]
        for key in ("command", "codeId", "environmentId"):
            if properties.get(key) not in {None, before.get(key)}:
                raise ArmError(409, "Conflict", f"A job {document['name']} exists with another {key}.", target=key)
        edited = {key: properties[key] for key in EDITABLE if properties.get(key) is not None}
        return {**document, "properties": {**before, **edited}}

    return JSONResponse(resources.update(call.world, call.id.text, change))


def _accepted(call: Call, properties: Document) -> Document:
    if properties.get("jobType") != "Command":
        raise ArmError(501, "NotImplemented", f"The sandbox runs command jobs, not {properties.get('jobType')!r} jobs.")
    if not properties.get("command"):
        raise bad_request("A command job needs a 'command'.", target="command")
    _check_references(call, properties)
    name = call.id.name
    artefacts = f"azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.{name}"
    outputs: Document = {"default": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount", "uri": artefacts}}
    given = properties.get("outputs") or {}
    outputs |= {key: {"mode": "ReadWriteMount", "uri": None, **value} for key, value in given.items()}
    kept = {key: value for key, value in properties.items() if value is not None}
    return {
        "description": None,
        "tags": {},
        "properties": {},
        "inputs": {},
        "environmentVariables": {},
        "isArchived": False,
        "resources": {"instanceCount": 1, "shmSize": "2g"},
        "displayName": name,
        "experimentName": "Default",
        **kept,
        "outputs": outputs,
        "status": "Queued",
        "services": _services(call),
    }


def _check_references(call: Call, properties: Document) -> None:
    """Everything the job names must exist now, rather than fail minutes later."""
    world, workspace = call.world, call.id.workspace_id
    compute = properties.get("computeId") or ""
    if resources.get(world, compute if compute.startswith("/") else f"{workspace}/computes/{compute}") is None:
        raise bad_request(f"The compute {compute!r} does not exist in this workspace.", target="computeId")
    if properties.get("environmentId"):
        environment(world, properties["environmentId"])
    if properties.get("codeId"):
        code_folder(world, properties["codeId"])
    inputs, outputs = properties.get("inputs") or {}, properties.get("outputs") or {}
    for name, value in inputs.items():
        if value.get("jobInputType") != "literal" and not input_path(world, value.get("uri") or "", workspace).exists():
            raise bad_request(f"The input {name!r} points to nothing: {value.get('uri')}", target=f"inputs.{name}")
    for kind, name in PLACEHOLDER.findall(properties["command"]):
        if name not in (inputs if kind == "inputs" else outputs):
            raise bad_request(
                f"The command uses ${{{{{kind}.{name}}}}}, which the job does not have.", target="command"
            )


def _services(call: Call) -> Document:
    world, workspace = call.world, call.id.workspace_id
    empty: Document = {"port": None, "status": None, "errorMessage": None, "properties": {}}
    tracking = f"azureml://localhost:{world.settings.port}/mlflow/v1.0{workspace}?"
    studio = f"{world.settings.browser_url}/"
    return {
        "Tracking": {"jobServiceType": "Tracking", "endpoint": tracking, **empty},
        "Studio": {"jobServiceType": "Studio", "endpoint": studio, **empty},
    }


def _required(call: Call, identity: str) -> Document:
    found = resources.get(call.world, identity)
    if found is None:
        raise not_found(identity)
    return found
