"""Blob storage: the part of its REST protocol that azure-storage-blob speaks for Azure ML."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.blob.access import account_of
from sandbox.blob.errors import BlobError
from sandbox.blob.files import CONTAINERS
from sandbox.blob.handlers import blobs, blocks, containers
from sandbox.blob.models import Call
from sandbox.service import Service
from sandbox.world import World

Handler = Callable[[Call], Response]


def service(world: World) -> Service:
    """`/{container}` and `/{container}/{blob}` for the two containers every workspace has."""
    routes = []
    for container in CONTAINERS:
        answer = _answer(world, container)
        routes.append(Route(f"/{container}", answer, methods=["GET"]))
        routes.append(Route(f"/{container}/{{name:path}}", answer, methods=["GET", "PUT", "DELETE"]))
    return Service(name="blob", routes=routes)


def _answer(world: World, container: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        content = await request.body()
        account = account_of(world, request)
        name = request.path_params.get("name", "")
        call = Call(world=world, request=request, account=account, container=container, name=name, content=content)
        handler = OPERATIONS.get((request.method, request.query_params.get("comp", ""), bool(name)))
        if handler is None:
            raise BlobError(501, "NotImplemented", f"The sandbox does not serve {request.method} {request.url.path}.")
        return await run_in_threadpool(handler, call)

    return answer


OPERATIONS: dict[tuple[str, str, bool], Handler] = {
    ("GET", "list", False): containers.list_blobs,
    ("GET", "", True): blobs.get,
    ("HEAD", "", True): blobs.head,
    ("HEAD", "metadata", True): blobs.head,
    ("PUT", "", True): blobs.put,
    ("PUT", "metadata", True): blobs.set_metadata,
    ("PUT", "block", True): blocks.put,
    ("PUT", "blocklist", True): blocks.commit,
    ("DELETE", "", True): blobs.delete,
}
"""By method, the `comp` query and whether a blob is named."""
