"""POST /v1/$batch: many queries in one call, each with a status of its own."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.monitor.access import log_reader, log_workspace
from sandbox.monitor.errors import QueryError, bad_argument, workspace_not_found
from sandbox.monitor.handlers.query import decoded
from sandbox.monitor.queries import answer
from sandbox.world import World

MAX_REQUESTS = 100


def batch(world: World, request: Request, raw: bytes) -> Response:
    """Answer each query; one that fails does not fail the others."""
    log_reader(world, request)
    body = decoded(raw)
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not all(isinstance(item, dict) and "id" in item for item in requests):
        raise bad_argument("A batch is an object with a list of requests, each with an id")
    if len(requests) > MAX_REQUESTS:
        raise bad_argument(f"A batch holds at most {MAX_REQUESTS} requests, this one {len(requests)}")
    return JSONResponse({"responses": [_one(world, item) for item in requests]})


def _one(world: World, item: dict[str, Any]) -> dict[str, Any]:
    try:
        if item.get("method") != "POST" or item.get("path") != "/query":
            raise bad_argument("A batch runs POST /query only")
        if log_workspace(world, str(item.get("workspace", ""))) is None:
            raise workspace_not_found()
        status, body = 200, answer(world, item.get("body"))
    except QueryError as error:
        status, body = error.status, error.body()
    return {"id": item["id"], "status": status, "headers": {}, "body": body}
