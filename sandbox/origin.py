"""The browser's port answers only pages of its own: a page from elsewhere may not act on this machine's world."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SAFE = {"GET", "HEAD", "OPTIONS"}
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}


class OwnPagesOnly:
    """Refuse a foreign `Host` (a name rebound to loopback) and writes whose `Origin` is another site's.

    Programs send no `Origin` and are not affected.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = _problem(scope["method"], Headers(scope=scope)) if scope["type"] == "http" else ""
        if problem:
            await JSONResponse({"error": problem}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _problem(method: str, headers: Headers) -> str:
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in LOOPBACK_NAMES:
        return f"This port answers on 127.0.0.1 and localhost only, not on {host[:100]!r}."
    origin = headers.get("origin")
    if method not in SAFE and origin is not None and urlsplit(origin).netloc != host:
        return f"A page of {origin[:100]!r} may not act here; open the sandbox's own page."
    return ""
