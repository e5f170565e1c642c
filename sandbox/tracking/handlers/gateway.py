"""MLflow's REST API under a workspace's address: authorised, forwarded to the real server, artefact URIs rewritten."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sandbox.arm import resources
from sandbox.arm.authorisation import require
from sandbox.arm.errors import not_found
from sandbox.arm.ids import MACHINE_LEARNING, ResourceId, parse
from sandbox.tracking.errors import TrackingError
from sandbox.tracking.runs import TIMEOUT_SECONDS, ensure_workspace, workspace_headers
from sandbox.tracking.server import server_url
from sandbox.world import World

ARTEFACT_URI = re.compile(rb"mlflow-artifacts:/(?:workspaces/[^/\"]+/)?([^/\"]+)/([^/\"]+)/artifacts")
EXPERIMENT_URI = re.compile(rb"mlflow-artifacts:/(?:workspaces/[^/\"]+/)?([^/\"]+)\"")
READS = ("search", "get", "list")
LOGGED_MODELS = "logged-models"
"""Azure ML answers 404 and an empty body here (reported: azure-sdk-for-python issue 44896)."""
REGISTRY = ("registered-models", "model-versions")


def route(world: World) -> Callable[[Request], Awaitable[Response]]:
    """`/mlflow/v2.0/subscriptions/.../workspaces/W/api/2.0/mlflow/runs/search` and its siblings."""
    client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)
    known: set[str] = set()

    async def answer(request: Request) -> Response:
        content = await request.body()
        return await run_in_threadpool(_forward, world, client, known, request, content)

    return answer


def _forward(world: World, client: httpx.Client, known: set[str], request: Request, content: bytes) -> Response:
    head, found, operation = request.path_params["rest"].partition("/api/")
    version, _, operation = operation.partition("/mlflow/")
    if not found or version not in {"2.0", "3.0"}:
        raise TrackingError(501, "NOT_IMPLEMENTED", f"The sandbox does not serve {request.method} {request.url.path}.")
    workspace = _authorised(world, request, head, operation)
    if operation.startswith(LOGGED_MODELS):
        return Response(status_code=404)
    _refuse(operation)
    if workspace.workspace.lower() not in known:
        ensure_workspace(world, workspace.workspace)
        known.add(workspace.workspace.lower())
    headers = workspace_headers(workspace.workspace) | {"content-type": "application/json"}
    path = f"{server_url(world)}/api/{version}/mlflow/{quote(operation)}"
    try:
        response = client.request(
            request.method, path, params=httpx.QueryParams(request.url.query), content=content, headers=headers
        )
    except httpx.TransportError as error:
        raise TrackingError(503, "TEMPORARILY_UNAVAILABLE", f"The mlflow server did not answer: {error}") from error
    return Response(
        _rewritten(world, workspace, response.content),
        response.status_code,
        media_type=response.headers.get("content-type", "application/json"),
    )


def _authorised(world: World, request: Request, head: str, operation: str) -> ResourceId:
    reads = request.method == "GET" or operation.rpartition("/")[2].startswith(READS)
    action = f"{MACHINE_LEARNING}/workspaces/experiments/runs/{'read' if reads else 'write'}"
    try:
        identity = parse(head)
        require(world, request, action, identity.workspace_id)
    except ValueError as error:
        raise TrackingError(404, "ENDPOINT_NOT_FOUND", str(error)) from error
    found = resources.get(world, identity.workspace_id)
    if found is None:
        raise not_found(identity.workspace_id)
    return parse(found["id"])


def _refuse(operation: str) -> None:
    """The registry of Azure ML is its own and has no second home here."""
    if operation.startswith(REGISTRY):
        raise TrackingError(
            501,
            "NOT_IMPLEMENTED",
            "Models are registered through Azure ML's own API in this sandbox, not through MLflow's.",
        )


def _rewritten(world: World, workspace: ResourceId, content: bytes) -> bytes:
    """MLflow's own artefact scheme would not go through the gateway; azureml-mlflow understands these addresses."""
    if b"mlflow-artifacts:/" not in content:
        return content
    base = f"azureml://localhost:{world.settings.port}/mlflow/v2.0{workspace.text}/experiments".encode()
    content = ARTEFACT_URI.sub(rb"%s/\1/runs/\2/artifacts" % base.replace(b"\\", b"\\\\"), content)
    return EXPERIMENT_URI.sub(rb'%s/\1"' % base, content)
