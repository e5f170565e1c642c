"""Long-running operations: real work on a thread, its outcome where the client polls for it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable

from starlette.responses import JSONResponse, Response

from sandbox.arm.errors import ArmError, envelope
from sandbox.arm.ids import MACHINE_LEARNING, parse
from sandbox.arm.routing import Call, Handler
from sandbox.state.documents import Document
from sandbox.world import World

log = logging.getLogger(__name__)

KIND = "operation"
LOCATION = "westeurope"
UNFINISHED = "InProgress"


def begin(world: World, resource_id: str, work: Callable[[], None]) -> dict[str, str]:
    """Run `work` on a thread; the headers with which a client follows it.

    An ArmError raised by `work` becomes the operation's error, any other exception an InternalServerError.
    """
    name = str(uuid.uuid4())
    started = _moment(world)
    world.documents.put(
        KIND, name, {"name": name, "resource": resource_id, "status": UNFINISHED, "startTime": started, "error": None}
    )
    threading.Thread(target=_run, args=(world, name, work), name=f"operation-{name[:8]}", daemon=True).start()
    return headers(world, resource_id, name)


def headers(world: World, resource_id: str, name: str) -> dict[str, str]:
    """`Azure-AsyncOperation`, `Location` and, when the world says so, the polling interval.

    The interval goes in `x-ms-retry-after-ms`: azure-core reads `Retry-After: 0` as its default of 30 s.
    """
    identity = parse(resource_id)
    base = (
        f"{world.settings.url}/subscriptions/{identity.subscription}/providers/{MACHINE_LEARNING}/locations/{LOCATION}"
    )
    version = "api-version=2024-10-01"
    found = {
        "Azure-AsyncOperation": f"{base}/mfeOperationsStatus/{name}?{version}",
        "Location": f"{base}/mfeOperationResults/{name}?{version}",
    }
    return found | interval(world)


def interval(world: World) -> dict[str, str]:
    pause = world.settings.poll_after_ms
    return {"x-ms-retry-after-ms": str(pause)} if pause else {}


def find(world: World, name: str) -> Document | None:
    return world.documents.get(KIND, name)


def finish(world: World, name: str, error: Document | None = None) -> None:
    """Write the outcome: Succeeded, or Failed with ARM's error object."""
    outcome = {"status": "Failed" if error else "Succeeded", "endTime": _moment(world), "error": error}
    world.documents.update(KIND, name, lambda document: {**document, **outcome})


def recover(world: World) -> None:
    """After a restart: what was in progress has no thread any more and says so."""
    for name, document in world.documents.list(KIND):
        if document["status"] == UNFINISHED:
            message = (
                "The service was restarted while this operation ran; its outcome is unknown. Send the request again."
            )
            finish(world, name, envelope("OperationInterrupted", message)["error"])


def status(call: Call) -> Response:
    document = _known(call)
    body = {
        "id": call.id.text,
        "name": document["name"],
        "status": document["status"],
        "startTime": document["startTime"],
        "endTime": document.get("endTime"),
        "percentComplete": 0 if document["status"] == UNFINISHED else 100,
    }
    if document["error"]:
        body["error"] = document["error"]
    return JSONResponse(body, headers=interval(call.world))


def result(call: Call) -> Response:
    """Location-style polling: 202 while it runs, then 200, or the operation's own error."""
    document = _known(call)
    if document["status"] == UNFINISHED:
        return Response(status_code=202, headers=headers(call.world, document["resource"], document["name"]))
    if document["error"]:
        return JSONResponse({"error": document["error"]}, 400)
    return JSONResponse({"status": document["status"]})


def handlers() -> dict[str, Handler]:
    return {
        f"GET {MACHINE_LEARNING}/locations/*/mfeOperationsStatus/*": status,
        f"GET {MACHINE_LEARNING}/locations/*/mfeOperationResults/*": result,
    }


def _known(call: Call) -> Document:
    document = find(call.world, call.id.name)
    if document is None:
        raise ArmError(404, "OperationNotFound", f"There is no operation {call.id.name}.")
    return document


def _run(world: World, name: str, work: Callable[[], None]) -> None:
    try:
        work()
    except ArmError as error:
        finish(world, name, error.body["error"])
    except Exception as error:
        log.exception("Operation %s failed", name)
        finish(world, name, envelope("InternalServerError", f"{type(error).__name__}: {error}")["error"])
    else:
        finish(world, name)


def _moment(world: World) -> str:
    return world.now().isoformat().replace("+00:00", "Z")
