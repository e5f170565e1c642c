"""onlineEndpoints/deployments: create, replace, read, list, logs, delete."""

from __future__ import annotations

import logging
import threading
from functools import partial

from starlette.responses import JSONResponse, Response

from sandbox.arm import operations, resources
from sandbox.arm.errors import ArmError, bad_request
from sandbox.arm.ids import parse
from sandbox.arm.routing import Call, Handler, listing
from sandbox.endpoints import events, traffic
from sandbox.endpoints.events import endpoint_of
from sandbox.endpoints.fleet import Order
from sandbox.endpoints.handlers.online_endpoints import existing
from sandbox.endpoints.models import check_name, deployment_body, order_for, set_state
from sandbox.endpoints.plant import Plant
from sandbox.state.documents import Document

log = logging.getLogger(__name__)

PATTERN = "workspaces/*/onlineEndpoints/*/deployments/*"
UNFINISHED = ("Creating", "Updating")
MAX_DEPLOYMENTS = 20


def handlers(plant: Plant) -> dict[str, Handler]:
    return {
        f"GET {PATTERN}": get,
        "GET workspaces/*/onlineEndpoints/*/deployments": list_all,
        f"PUT {PATTERN}": partial(put, plant),
        f"DELETE {PATTERN}": partial(delete, plant),
        f"POST {PATTERN}/getLogs": partial(get_logs, plant),
    }


def get(call: Call) -> Response:
    """Read a deployment."""
    return JSONResponse(existing(call, call.id.text))


def list_all(call: Call) -> Response:
    """List the deployments of an endpoint."""
    endpoint_id = call.id.text.rpartition("/")[0]
    existing(call, endpoint_id)
    return listing(resources.children(call.world, endpoint_id, "deployments"))


def put(plant: Plant, call: Call) -> Response:
    """Create, replace or retry; the same body again joins what is under way and changes nothing that runs."""
    check_name(call.id)
    existing(call, endpoint_of(call.id.text))
    body = deployment_body(call.body)
    with plant.lock:
        before = resources.get(call.world, call.id.text)
        deployment_id = before["id"] if before else call.id.text
        order = order_for(call.world, deployment_id, body)
        _check_change(plant, call, before, order)
        body["properties"]["provisioningState"] = _next_state(plant, before, order)
        stored = resources.put(call.world, deployment_id, body, call.principal.name)
        if before is None:
            events.event(call.world, deployment_id, "Created", f"Deployment of {_model(body)} was accepted")
        headers = operations.begin(call.world, deployment_id, lambda: carry_out(plant, order))
    plant.directory.forget()
    return JSONResponse(stored, 200 if before else 201, headers)


def delete(plant: Plant, call: Call) -> Response:
    """End the server and forget the deployment; refused while it has traffic, 204 when there is none."""
    with plant.lock:
        found = resources.get(call.world, call.id.text)
        if found is None:
            return Response(status_code=204)
        endpoint = existing(call, endpoint_of(call.id.text))
        shares = endpoint["properties"]
        traffic.refuse_delete(found["name"], shares["traffic"], shares["mirrorTraffic"])
        set_state(call.world, found["id"], "Deleting")
    plant.directory.forget()

    headers = operations.begin(call.world, found["id"], lambda: _finish_delete(plant, found))
    return Response(status_code=202, headers=headers)


def get_logs(plant: Plant, call: Call) -> Response:
    """The end of the container's log, below a summary of the instance, as the service prints it."""
    deployment = existing(call, call.id.text.rpartition("/")[0])
    lines = call.body.get("tail") or 100
    if not isinstance(lines, int) or not 1 <= lines <= 5_000:
        raise bad_request(f"tail must be a whole number from 1 to 5000, not {lines!r}.", target="tail")
    state = deployment["properties"]["provisioningState"]
    started = {"Succeeded": "Succeeded", "Failed": "Failed"}.get(state, "InProgress")
    head = f"Instance status:\nSystemSetup: Succeeded\nUserContainerStart: {started}\n\nContainer logs:\n"
    return JSONResponse({"content": head + plant.fleet.log_tail(deployment["id"], lines) + "\n"})


def carry_out(plant: Plant, order: Order) -> None:
    """Have the order's server started, and write what became of it; ArmError with the reason when it failed."""
    try:
        plant.fleet.deploy(order)
    except ArmError as error:
        if error.code != "Canceled":
            set_state(plant.world, order.deployment_id, "Failed")
        plant.directory.forget()
        raise
    set_state(plant.world, order.deployment_id, "Succeeded")
    plant.directory.forget()


def resume(plant: Plant) -> None:
    """After a restart: deployments that were being created, changed or deleted go on."""
    for _, resource in plant.world.documents.list("arm"):
        if not resource["type"].lower().endswith("/onlineendpoints/deployments"):
            continue
        state = resource["properties"]["provisioningState"]
        work = _finish_delete if state == "Deleting" else _carry_on if state in UNFINISHED else None
        if work is not None:
            threading.Thread(target=work, args=(plant, resource), name="resume", daemon=True).start()


def _carry_on(plant: Plant, deployment: Document) -> None:
    try:
        carry_out(plant, order_for(plant.world, deployment["id"], deployment))
    except ArmError as error:
        log.warning("%s was being created when the sandbox ended, and failed: %s", deployment["id"], error.message)


def _finish_delete(plant: Plant, deployment: Document) -> None:
    plant.fleet.remove(deployment["id"])
    resources.delete(plant.world, deployment["id"])
    _drop_share(plant, endpoint_of(deployment["id"]), deployment["name"])
    plant.directory.forget()
    events.event(plant.world, deployment["id"], "Deleted", "The deployment was deleted")


def _next_state(plant: Plant, before: Document | None, order: Order) -> str:
    """What a PUT makes of the state: nothing when the same order runs or is being carried out."""
    if before is None:
        return "Creating"
    state = str(before["properties"]["provisioningState"])
    if plant.fleet.carries_out(order) or (state == "Succeeded" and plant.fleet.runs(order)):
        return state
    return "Updating" if plant.fleet.serves(order.deployment_id) else "Creating"


def _check_change(plant: Plant, call: Call, before: Document | None, order: Order) -> None:
    if before is None:
        siblings = resources.children(call.world, endpoint_of(call.id.text), "deployments")
        if len(siblings) >= MAX_DEPLOYMENTS:
            raise bad_request(f"An endpoint holds at most {MAX_DEPLOYMENTS} deployments.", code="QuotaExceeded")
    elif before["properties"]["provisioningState"] == "Deleting":
        raise ArmError(409, "Conflict", f"Deployment {before['name']} is being deleted.")
    elif plant.fleet.busy(order.deployment_id) and not plant.fleet.carries_out(order):
        raise ArmError(409, "Conflict", f"Deployment {before['name']} is being changed; wait until that has ended.")


def _drop_share(plant: Plant, endpoint_id: str, name: str) -> None:
    """A weight of 0 goes with its deployment."""

    def change(endpoint: Document) -> Document:
        properties = endpoint["properties"]
        kept = {
            field: {other: weight for other, weight in properties[field].items() if other != name}
            for field in ("traffic", "mirrorTraffic")
        }
        return {**endpoint, "properties": {**properties, **kept}}

    resources.update(plant.world, endpoint_id, change)


def _model(body: Document) -> str:
    names = parse(str(body["properties"]["model"]).removeprefix("azureml:")).names
    return ":".join(names[-2:])
