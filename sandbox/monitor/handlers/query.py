"""POST /v1/workspaces/{guid}/query and /v1/{resource id}/query."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.monitor.access import log_reader, log_workspace, may_read_logs_of
from sandbox.monitor.errors import bad_argument, workspace_not_found
from sandbox.monitor.queries import answer
from sandbox.world import World


def workspace_query(world: World, request: Request, raw: bytes) -> Response:
    """Query everything that is sent to one Log Analytics workspace."""
    log_reader(world, request)
    guid = request.path_params["guid"]
    if log_workspace(world, guid) is None:
        raise workspace_not_found()
    return JSONResponse(answer(world, decoded(raw)) | _asked_for(request))


def resource_query(world: World, request: Request, raw: bytes) -> Response:
    """Query what one resource, and what lies below it, has logged."""
    principal = log_reader(world, request)
    resource_id = "/" + request.path_params["resource"].strip("/")
    if not resource_id.lower().startswith("/subscriptions/"):
        raise bad_argument(f"{resource_id} is not a resource id")
    may_read_logs_of(principal, resource_id)
    return JSONResponse(answer(world, decoded(raw), resource_id=resource_id) | _asked_for(request))


def decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise bad_argument(f"The request body is not JSON: {error}") from error


def _asked_for(request: Request) -> dict[str, Any]:
    """Empty statistics and render objects when the client prefers to have them."""
    prefer = request.headers.get("prefer", "")
    return {name: {} for name in ("statistics", "render") if f"include-{name}=true" in prefer}
