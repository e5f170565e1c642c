"""From an HTTP request to a handler's call and back: tokens, limits, ETags, request ids, the error envelope."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.github import repositories
from sandbox.github.access import Caller, caller_of
from sandbox.github.errors import GitHubError, bad_credentials, not_found, requires_authentication
from sandbox.github.paging import page_of
from sandbox.github.quota import Quota, quota_of
from sandbox.identity.tokens import authenticate
from sandbox.state.documents import Document
from sandbox.world import World

log = logging.getLogger(__name__)

API = "/api/v3"
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: JSON `payload`, or `content` with its own media type; None and 204 for nothing."""

    payload: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    media_type: str = "application/json; charset=utf-8"


NO_CONTENT = Reply(status=204)


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request, as handlers see it. `path` are the route's parameters."""

    world: World
    caller: Caller
    method: str
    url: str
    path: Mapping[str, Any]
    query: Mapping[str, str]
    accept: str
    raw_body: bytes

    @property
    def full_name(self) -> str:
        return f"{self.path['owner']}/{self.path['repo']}"

    def repository(self, resource: str = "metadata", action: str = "read") -> Document:
        """The repository of the path, after the caller's right to `action` on `resource` has been checked."""
        repository = repositories.find(self.world, self.full_name)
        if repository is None or self.caller.permission(repository) == "none":
            raise not_found()
        self.caller.require(repository, resource, action)
        return repository

    def body(self) -> dict[str, Any]:
        """The JSON object sent; 400 in GitHub's words when it is none."""
        parsed = self.json_body()
        if not isinstance(parsed, dict):
            raise GitHubError(400, "Body should be a JSON object")
        return parsed

    def json_body(self) -> Any:
        """Whatever JSON was sent, an empty object for nothing; a few operations take a bare list."""
        if not self.raw_body.strip():
            return {}
        try:
            return json.loads(self.raw_body)
        except (ValueError, RecursionError) as error:
            raise GitHubError(400, "Problems parsing JSON") from error

    def number(self, name: str) -> int:
        """A numeric path parameter; anything else is an unknown resource."""
        text = str(self.path[name])
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise not_found()
        return int(text)

    def paged(self, items: Sequence[Item], render: Callable[[Item], Any], wrap: str = "") -> Reply:
        """One page of a list; `wrap` names the key where GitHub answers an object with `total_count`."""
        page = page_of(items, self.url, self.query)
        rendered = [render(item) for item in page.items]
        headers = {"Link": page.link} if page.link else {}
        return Reply({"total_count": page.total, wrap: rendered} if wrap else rendered, headers=headers)


Handler = Callable[[Call], Reply]
Authentication = Callable[[World, str | None], Caller]
"""From the Authorization header to the caller, or a GitHubError."""
Routes = Sequence[tuple[str, str, Handler]]


def routes(world: World, table: Routes) -> list[Route]:
    """Starlette routes below `/api/v3` for rows of (method, path, handler)."""
    return [
        Route(API + path, endpoint(world, handler), methods=[method], name=f"{method} {path}")
        for method, path, handler in table
    ]


def endpoint(
    world: World, handler: Handler, resource: str = "core", caller: Authentication | None = None
) -> Callable[[Request], Any]:
    """An async Starlette endpoint that serves `handler` on a worker thread; `caller` reads its own kind of token."""

    async def serve(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(respond, world, handler, request, body, resource, caller or authenticated)

    serve.__doc__ = handler.__doc__
    return serve


def respond(
    world: World, handler: Handler, request: Request, body: bytes, resource: str, authentication: Authentication
) -> Response:
    """Authenticate, charge, call the handler and dress its answer."""
    quota: Quota | None = None
    try:
        caller = authentication(world, request.headers.get("authorization"))
        quota = quota_of(world, caller, resource)
        quota.charge(0 if resource == "graphql" else 1)
        reply = handler(_call(world, caller, request, body))
    except GitHubError as error:
        reply = Reply(error.body(), error.status, error.headers)
    response = _render(request, reply)
    if response.status_code == 304 and quota is not None:
        quota.charge(-1)  # an authorised 304 costs nothing
    _dress(response, quota)
    return response


def authenticated(world: World, authorization: str | None) -> Caller:
    """The caller; 401 without a token, with an unknown one, or with one of Entra's."""
    if not authorization:
        raise requires_authentication()
    principal = None if authorization.count(".") == 2 else authenticate(world, authorization)
    if principal is None:
        raise bad_credentials()
    return caller_of(principal)


def _call(world: World, caller: Caller, request: Request, body: bytes) -> Call:
    return Call(
        world=world,
        caller=caller,
        method=request.method,
        url=world.settings.url + request.url.path,
        path=request.path_params,
        query=dict(request.query_params),
        accept=request.headers.get("accept", ""),
        raw_body=body,
    )


def _render(request: Request, reply: Reply) -> Response:
    """The response; a GET that the client holds already (`If-None-Match`) is 304 without a body."""
    headers = dict(reply.headers)
    if reply.content is None and reply.status in {204, 304}:
        return Response(status_code=reply.status, headers=headers)
    content = reply.content
    if content is None:
        content = json.dumps(reply.payload, separators=(",", ":")).encode()
    if request.method in {"GET", "HEAD"} and reply.status == 200:
        headers["ETag"] = _etag(request.headers.get("authorization", ""), content)
        headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        headers["Vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP"
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    return Response(content, reply.status, headers, reply.media_type)


def _etag(authorization: str, content: bytes) -> str:
    """Differs by token for the same data, as GitHub's does."""
    digest = hashlib.sha256(authorization.encode() + b"\0" + content).hexdigest()
    return f'W/"{digest}"'


def _dress(response: Response, quota: Quota | None) -> None:
    response.headers["X-GitHub-Request-Id"] = secrets.token_hex(16).upper()
    response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    response.headers["X-GitHub-Api-Version-Selected"] = "2022-11-28"
    response.headers["Server"] = "github.com"
    if quota is not None:
        response.headers.update(quota.headers())
