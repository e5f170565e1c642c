"""Template deployments: azure-ai-ml creates a workspace by sending Azure's workspace template with 72 parameters.

The template itself is not interpreted: what it would create is known, and the parameters say under which names.
"""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sandbox.arm import operations, resources
from sandbox.arm.errors import ArmError, bad_request, not_found
from sandbox.arm.handlers.groups import require_group
from sandbox.arm.handlers.workspaces import create_workspace
from sandbox.arm.routing import Call, Handler, listing
from sandbox.state.documents import Document

DEPLOYMENTS = "Microsoft.Resources/deployments"


def handlers() -> dict[str, Handler]:
    return {
        f"PUT {DEPLOYMENTS}/*": put,
        f"GET {DEPLOYMENTS}/*": get,
        "GET subscriptions/*/resourceGroups/*/deployments/*/operations": list_operations,
    }


def put(call: Call) -> Response:
    require_group(call.world, call.id.subscription, call.id.group)
    properties = call.body.get("properties") or {}
    parameters = {name: value.get("value") for name, value in (properties.get("parameters") or {}).items()}
    if not parameters.get("workspaceName") or "storageAccountName" not in parameters:
        raise ArmError(
            501,
            "NotImplemented",
            "The sandbox deploys the workspace template of azure-ai-ml only, not other templates.",
        )
    started = call.world.now()

    def work() -> None:
        try:
            create_workspace(call.world, call.id, parameters, call.principal.name)
        except ArmError as error:
            _set_state(call, {"provisioningState": "Failed", "error": error.body["error"]})
            raise
        seconds = (call.world.now() - started).total_seconds()
        _set_state(call, {"provisioningState": "Succeeded", "duration": f"PT{seconds:.3f}S"})

    if not parameters.get("location"):
        raise bad_request("The template parameter 'location' is missing.", code="InvalidTemplate")
    stamp = started.isoformat().replace("+00:00", "Z")
    state = {"provisioningState": "Running", "timestamp": stamp, "duration": "PT0S", "correlationId": ""}
    body = {"properties": state | {"mode": "Incremental", "parameters": properties.get("parameters")}}
    stored = resources.put(call.world, call.id.text, body, call.principal.name)
    headers = operations.begin(call.world, call.id.text, work)
    headers.pop("Location")
    return JSONResponse(stored, 201, headers)


def get(call: Call) -> Response:
    found = resources.get(call.world, call.id.text)
    if found is None:
        raise not_found(call.id.text)
    return JSONResponse(found)


def list_operations(_call: Call) -> Response:
    """No per-resource rows: the client only prints them as progress."""
    return listing([])


def _set_state(call: Call, state: Document) -> None:
    def change(document: Document) -> Document:
        return {**document, "properties": {**document["properties"], **state}}

    resources.update(call.world, call.id.text, change)
