"""From an HTTP request to a handler's call: its form, its client's credentials, the port it came in by."""

from __future__ import annotations

import base64
import binascii
import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from sandbox.accounts import TENANT
from sandbox.identity.errors import EntraError, PageError, unknown_tenant
from sandbox.identity.pages import error_page
from sandbox.world import World

TENANTS = {TENANT, "common", "organizations"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `base_url` is the port's own address, so that every answer stays on the port that was asked."""

    world: World
    base_url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    query_text: str

    @property
    def tenant(self) -> str:
        """The tenant of the path; EntraError if it is not this directory."""
        tenant = self.path["tenant"]
        if tenant.lower() not in TENANTS:
            raise unknown_tenant(tenant)
        return tenant

    @property
    def now(self) -> int:
        return int(self.world.now().timestamp())

    def client_credentials(self) -> tuple[str, str]:
        """Client id and secret, from the Authorization header (RFC 6749 section 2.3.1) or the form."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return "", ""
            return unquote(client_id), unquote(secret)
        return self.form.get("client_id", ""), self.form.get("client_secret", "")


Handler = Callable[[Call], Response]


def endpoint(world: World, base_url: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A Starlette endpoint around `handler`, which runs on a thread; errors become the service's envelope or a page."""

    @functools.wraps(handler)
    async def answer(request: Request) -> Response:
        call = Call(
            world=world,
            base_url=base_url,
            path=request.path_params,
            query=request.query_params,
            form=await _form(request),
            headers=request.headers,
            query_text=request.url.query,
        )
        try:
            return await run_in_threadpool(handler, call)
        except EntraError as error:
            return error.response(world.now(), request.headers.get("client-request-id", ""), base_url)
        except PageError as error:
            return error_page(error.title, error.message)

    return answer


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form or of a JSON object, as text; nothing else is understood."""
    if request.method == "GET":
        return {}
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body: Any = json.loads(await request.body() or b"{}")
        except ValueError:
            return {}
        return {str(name): str(value) for name, value in body.items()} if isinstance(body, dict) else {}
    form: FormData = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}
