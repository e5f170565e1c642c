"""onlineEndpoints: create, read, list, set traffic, delete."""

from __future__ import annotations

from functools import partial

from starlette.responses import JSONResponse, Response

from sandbox.arm import operations, resources
from sandbox.arm.errors import not_found
from sandbox.arm.ids import parse
from sandbox.arm.routing import Call, Handler, listing
from sandbox.endpoints import events, traffic
from sandbox.endpoints.directory import ADDRESS, KEYS
from sandbox.endpoints.handlers.keys import new_key
from sandbox.endpoints.models import check_name, endpoint_body, set_state
from sandbox.endpoints.plant import Plant
from sandbox.state.documents import Document

PATTERN = "workspaces/*/onlineEndpoints/*"


def handlers(plant: Plant) -> dict[str, Handler]:
    return {
        f"GET {PATTERN}": get,
        "GET workspaces/*/onlineEndpoints": list_all,
        f"PUT {PATTERN}": partial(put, plant),
        f"DELETE {PATTERN}": partial(delete, plant),
    }


def get(call: Call) -> Response:
    """Read an endpoint."""
    return JSONResponse(existing(call, call.id.text))


def list_all(call: Call) -> Response:
    """List the endpoints of a workspace."""
    return listing(resources.children(call.world, call.id.workspace_id, "onlineEndpoints"))


def put(plant: Plant, call: Call) -> Response:
    """Create or replace. Traffic left out stays as it is; traffic given is checked and set as a whole."""
    check_name(call.id)
    if resources.get(call.world, call.id.workspace_id) is None:
        raise not_found(call.id.workspace_id)
    with plant.lock:
        before = resources.get(call.world, call.id.text)
        body = endpoint_body(call.world, call.id, call.body, before)
        live, mirrored = _traffic(call, before)
        stored = resources.put(call.world, call.id.text, body, call.principal.name)
        keys = {"primaryKey": new_key(), "secondaryKey": new_key()}
        call.world.documents.create(KEYS, call.id.key, keys)
        address = f"{call.id.workspace}/{call.id.name}".lower()
        call.world.documents.put(ADDRESS, address, {"id": stored["id"]})
        _settle(plant, stored, live, mirrored)
        headers = operations.begin(call.world, stored["id"], plant.directory.forget)
    return JSONResponse(stored, 200 if before else 201, headers)


def delete(plant: Plant, call: Call) -> Response:
    """Delete the endpoint with all its deployments, whatever their traffic; 204 when there is none."""
    if resources.get(call.world, call.id.text) is None:
        return Response(status_code=204)
    set_state(call.world, call.id.text, "Deleting")

    headers = operations.begin(call.world, call.id.text, lambda: _finish_delete(plant, call.id.text))
    return Response(status_code=202, headers=headers)


def resume(plant: Plant) -> None:
    """After a restart: an endpoint caught between two states keeps the traffic it had; a deletion is finished."""
    for _, resource in plant.world.documents.list("arm"):
        if not resource["type"].lower().endswith("/onlineendpoints"):
            continue
        state, shares = resource["properties"]["provisioningState"], resource["properties"]
        if state == "Deleting":
            _finish_delete(plant, resource["id"])
        elif state != "Succeeded":
            _settle(plant, resource, shares["traffic"], shares["mirrorTraffic"])


def existing(call: Call, resource_id: str) -> Document:
    found = resources.get(call.world, resource_id)
    if found is None:
        raise not_found(resource_id)
    return found


def states_of(call: Call, endpoint_id: str) -> dict[str, str]:
    """Provisioning states of an endpoint's deployments by name."""
    found = resources.children(call.world, endpoint_id, "deployments")
    return {item["name"]: item["properties"]["provisioningState"] for item in found}


def _finish_delete(plant: Plant, endpoint_id: str) -> None:
    for deployment in resources.children(plant.world, endpoint_id, "deployments"):
        plant.fleet.remove(deployment["id"])
        events.event(plant.world, deployment["id"], "Deleted", "The deployment was deleted with its endpoint")
    identity = parse(endpoint_id.lower())
    resources.delete(plant.world, endpoint_id)
    plant.world.documents.delete(KEYS, identity.key)
    plant.world.documents.delete(ADDRESS, f"{identity.workspace}/{identity.name}")
    plant.directory.forget()


def _traffic(call: Call, before: Document | None) -> tuple[dict[str, int], dict[str, int]]:
    """The live and the mirrored weights that will hold; ArmError 400 before anything is written."""
    sent = call.body.get("properties") or {}
    kept = (before or {}).get("properties", {})
    states = states_of(call, call.id.text)
    current = kept.get("traffic", {})
    wanted = sent.get("traffic")
    live = dict(current) if wanted is None else traffic.live(wanted, states, current)
    mirrored = sent.get("mirrorTraffic")
    return live, traffic.mirror(kept.get("mirrorTraffic", {}) if mirrored is None else mirrored, states, live)


def _settle(plant: Plant, stored: Document, live: dict[str, int], mirrored: dict[str, int]) -> None:
    """Switch the front over and say so for every deployment whose share changed."""
    base = f"{plant.world.settings.url}/scoring/{parse(stored['id']).workspace}/{stored['name']}"
    addresses = {"scoringUri": f"{base}/score", "swaggerUri": f"{base}/swagger.json"}
    set_state(plant.world, stored["id"], "Succeeded", traffic=live, mirrorTraffic=mirrored, **addresses)
    plant.directory.forget()
    before = stored["properties"]
    for name in sorted({*live, *before["traffic"], *mirrored, *before["mirrorTraffic"]}):
        old, new = before["traffic"].get(name, 0), live.get(name, 0)
        old_copy, new_copy = before["mirrorTraffic"].get(name, 0), mirrored.get(name, 0)
        deployment_id = f"{stored['id']}/deployments/{name}"
        if old != new:
            events.event(plant.world, deployment_id, "TrafficUpdated", f"Traffic changed from {old} % to {new} %")
        if old_copy != new_copy:
            said = f"Mirrored traffic changed from {old_copy} % to {new_copy} %"
            events.event(plant.world, deployment_id, "TrafficUpdated", said)
