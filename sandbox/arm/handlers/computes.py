"""Compute clusters. Jobs run on this machine whatever the cluster; a command job must still name one that exists."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sandbox.arm import operations, resources
from sandbox.arm.errors import bad_request, not_found
from sandbox.arm.handlers.workspaces import require_workspace
from sandbox.arm.routing import Call, Handler, listing


def handlers() -> dict[str, Handler]:
    return {
        "GET workspaces/*/computes": list_computes,
        "GET workspaces/*/computes/*": get,
        "PUT workspaces/*/computes/*": put,
        "DELETE workspaces/*/computes/*": delete,
    }


def list_computes(call: Call) -> Response:
    require_workspace(call.world, call.id)
    return listing(resources.children(call.world, call.id.target, "computes"))


def get(call: Call) -> Response:
    found = resources.get(call.world, call.id.text)
    if found is None:
        raise not_found(call.id.text)
    return JSONResponse(found)


def put(call: Call) -> Response:
    workspace = require_workspace(call.world, call.id)
    properties = call.body.get("properties") or {}
    if properties.get("computeType") != "AmlCompute":
        raise bad_request(
            f"The sandbox has AmlCompute clusters only, not {properties.get('computeType')!r}.", target="computeType"
        )
    existed = resources.get(call.world, call.id.text) is not None
    inner = dict(properties.get("properties") or {})
    inner |= {"allocationState": "Steady", "currentNodeCount": 0, "targetNodeCount": 0, "errors": None}
    inner.setdefault("vmPriority", "Dedicated")
    moment = call.world.now().isoformat().replace("+00:00", "Z")
    state = {"provisioningState": "Succeeded", "createdOn": moment, "modifiedOn": moment, "isAttachedCompute": False}
    body = {
        "location": call.body.get("location") or workspace["location"],
        "tags": call.body.get("tags") or {},
        "identity": call.body.get("identity"),
        "properties": {**properties, **state, "properties": inner},
    }
    stored = resources.put(call.world, call.id.text, body, call.principal.name)
    headers = operations.begin(call.world, call.id.text, lambda: None)
    return JSONResponse(stored, 200 if existed else 201, headers)


def delete(call: Call) -> Response:
    if resources.get(call.world, call.id.text) is None:
        return Response(status_code=204)
    identity = call.id.text

    def work() -> None:
        resources.delete(call.world, identity)

    return Response(status_code=202, headers=operations.begin(call.world, identity, work))
