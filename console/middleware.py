"""What every answer carries: security headers, a browser mark, and the way back to a deep link after sign-in."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

BROWSER_COOKIE = "mlops_browser"
WANTED_COOKIE = "mlops_wanted"
SIGN_IN_PATH = "/auth/login"
UNREACHABLE = "unreachable"
"""With `?sign_in=unreachable` a browser comes back whose sign-in could not begin."""
SEE_OTHER, BAD_REQUEST = 303, 400
_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "bluetooth", "camera", "display-capture", "geolocation", "gyroscope", "hid", "magnetometer"),
        *("microphone", "midi", "payment", "publickey-credentials-get", "serial", "usb", "xr-spatial-tracking"),
    )
).encode()
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_NOT_A_PAGE = (
    "/_stcore/",
    "/static/",
    "/app/static/",
    "/media/",
    "/component/",
    "/auth/",
    "/oauth2callback",
    "/github/",
    "/contracts/",
)


def inline_script_hashes(index: Path) -> tuple[str, ...]:
    """CSP sources for the inline scripts of Streamlit's own index page, which change with its release."""
    digests = (hashlib.sha256(body).digest() for body in _INLINE_SCRIPT.findall(index.read_bytes()))
    return tuple(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def content_policy(script_hashes: tuple[str, ...]) -> str:
    """Nothing from elsewhere, no eval; inline styles stay allowed because Streamlit and Plotly write them."""
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *script_hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "media-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def local_path(path: str) -> str:
    """The path if it leads to a page of this console, else the home page."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if safe else "/"


class SecurityHeaders:
    """Adds the headers to every HTTP answer, refusals included. `over_tls` where people reach us by https alone."""

    def __init__(self, app: Application, policy: str, *, over_tls: bool) -> None:
        self._app = app
        self._over_tls = over_tls
        self._headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"permissions-policy", _PERMISSIONS),
        ]
        if over_tls:
            self._headers.append((b"strict-transport-security", b"max-age=31536000"))
        # Streamlit sets some of them itself on what it takes for a file; twice is not once to every browser.
        self._names = frozenset(name for name, _ in self._headers)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [header for header in message["headers"] if header[0].lower() not in self._names]
                message["headers"] = [*map(self._flagged, others), *self._headers]
            await send(message)

        await self._app(scope, receive, answer if scope["type"] == "http" else send)

    def _flagged(self, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        """Streamlit's cookies carry no Secure (1.67); a proxy that ends TLS hides from it that there is any."""
        name, value = header
        cookie = name.lower() == b"set-cookie" and self._over_tls and b"; secure" not in value.lower()
        return (name, value + b"; Secure") if cookie else header


class SignInFailure:
    """Leads back to the sign-in page, which says why, where Streamlit would end on two words of plain text."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != SIGN_IN_PATH:
            await self._app(scope, receive, send)
            return
        failed = False

        async def answer(message: Message) -> None:
            nonlocal failed
            if message["type"] == "http.response.start" and message["status"] >= BAD_REQUEST:
                failed = True
                headers = [(b"location", f"/?sign_in={UNREACHABLE}".encode()), (b"content-length", b"0")]
                message = {"type": "http.response.start", "status": SEE_OTHER, "headers": headers}
            elif failed:
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self._app(scope, receive, answer)


class WayBack:
    """Remembers the page a browser asked for, and sends it there after sign-in.

    Streamlit returns from sign-in to the home page; a cookie keeps the wanted path for ten minutes. The browser mark
    is a random cookie that later proves that a GitHub consent ends in the browser where it began.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        path = scope["path"]
        extra = _page_cookies(scope, cookies) if _is_page(path, headers) else []

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if path == "/oauth2callback" and WANTED_COOKIE in cookies:
                    wanted = local_path(unquote(cookies[WANTED_COOKIE].value))
                    message["headers"] = _redirected(message["headers"], wanted)
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self._app(scope, receive, answer)


def _is_page(path: str, headers: dict[bytes, bytes]) -> bool:
    return b"text/html" in headers.get(b"accept", b"") and not path.startswith(_NOT_A_PAGE)


def _page_cookies(scope: Message, cookies: SimpleCookie) -> list[tuple[bytes, bytes]]:
    query = scope["query_string"].decode("latin-1")
    wanted = local_path(quote(scope["path"]) + (f"?{query}" if query else ""))
    lines = []
    if f"sign_in={UNREACHABLE}" not in query:
        lines.append(f"{WANTED_COOKIE}={quote(wanted, safe='')}; Max-Age=600; Path=/; HttpOnly; SameSite=Lax")
    if BROWSER_COOKIE not in cookies:
        lines.append(f"{BROWSER_COOKIE}={secrets.token_urlsafe(24)}; Path=/; HttpOnly; SameSite=Lax")
    return [(b"set-cookie", line.encode("latin-1")) for line in lines]


def _redirected(headers: list[tuple[bytes, bytes]], wanted: str) -> list[tuple[bytes, bytes]]:
    """The same answer, leading to the wanted page where it would have led home."""
    return [
        (name, wanted.encode("latin-1") if name.lower() == b"location" and value == b"/" else value)
        for name, value in headers
    ]
