"""From a request under `/subscriptions` to the function that answers it, whatever the case of its segments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from sandbox.arm import activity
from sandbox.arm.authorisation import require
from sandbox.arm.errors import bad_request
from sandbox.arm.ids import MACHINE_LEARNING, ResourceId, parse
from sandbox.identity.tokens import Principal
from sandbox.state.documents import Document
from sandbox.world import World

VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One authorised request: `id` as the client wrote it, `body` decoded ({} when empty)."""

    world: World
    request: Request
    id: ResourceId
    body: Document
    principal: Principal

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params


Handler = Callable[[Call], Response]


class ArmRoute(BaseRoute):
    """A table `"METHOD type/*/type/*" -> handler`; a type without a provider belongs to Azure ML.

    `GET workspaces/*/jobs` is a collection, `GET workspaces/*/jobs/*` an item, `POST workspaces/*/jobs/*/cancel`
    an action. Handlers run on a thread, after authorisation of the matching ARM action.
    """

    def __init__(self, world: World, table: Mapping[str, Handler], prefix: str = "") -> None:
        """`prefix` stands before `/subscriptions` in the paths of a data plane, such as `/history/v1.0`."""
        self._world = world
        self._prefix = prefix.lower()
        self._table = {_normalised(entry): handler for entry, handler in table.items()}

    @property
    def operations(self) -> Mapping[str, Handler]:
        """What the table serves: `METHOD pattern` in lower-case types, and its handler."""
        return self._table

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = self._lookup(scope)
        if found is None:
            return Match.NONE, {}
        return Match.FULL, {"endpoint": found[1], "path_params": {"resource_id": found[0]}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        identity: ResourceId = scope["path_params"]["resource_id"]
        action = action_of(scope["method"], identity)
        principal = require(self._world, request, action, identity.text)
        body = _decoded(await request.body())
        call = Call(world=self._world, request=request, id=identity, body=body, principal=principal)
        response = await run_in_threadpool(scope["endpoint"], call)
        if not self._prefix and response.status_code < 400:
            await run_in_threadpool(activity.record, self._world, scope["method"], identity, action, principal.name)
        await response(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """ARM routes have no names."""
        raise NoMatchFound(name, path_params)

    def _lookup(self, scope: Scope) -> tuple[ResourceId, Handler] | None:
        if scope["type"] != "http" or not scope["path"].lower().startswith(f"{self._prefix}/subscriptions"):
            return None
        try:
            identity = parse(scope["path"][len(self._prefix) :])
        except ValueError:
            return None
        handler = self._table.get(f"{scope['method']} {identity.pattern}")
        return None if handler is None else (identity, handler)


def action_of(method: str, identity: ResourceId) -> str:
    """The ARM action a request needs: `Microsoft.X/workspaces/jobs/write`, `.../listKeys/action`."""
    if identity.pattern.startswith("subscriptions"):
        return f"Microsoft.Resources/{identity.type}/{VERBS.get(method, 'action')}"
    return f"{identity.type}/{VERBS.get(method, 'action')}"


def listing(values: list[Document]) -> Response:
    return JSONResponse({"value": values, "nextLink": None})


def _normalised(entry: str) -> str:
    method, _, pattern = entry.partition(" ")
    named = pattern.lower().startswith(("microsoft.", "subscriptions"))
    return f"{method.upper()} {(pattern if named else f'{MACHINE_LEARNING}/{pattern}').lower()}"


def _decoded(raw: bytes) -> Document:
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise bad_request(f"The request body is not JSON: {error}", code="InvalidRequestContent") from error
    if not isinstance(body, dict):
        raise bad_request("The request body must be a JSON object.", code="InvalidRequestContent")
    return body
