"""Who may ask at all: requests under our own names, and acts of sign-in that our own pages began."""

from __future__ import annotations

import logging

from console.middleware import Application, Message, Receive, Send

log = logging.getLogger("console.guard")

HEALTH = "/_stcore/health"
"""Asked by probes under whatever address they find us at; it answers `ok` and knows nothing."""
OUR_OWN = frozenset({"/auth/login", "/auth/logout", "/github/connect"})
"""What a foreign page may not send a browser to: it would sign people out, or in as somebody else."""
FOREIGN = frozenset({b"cross-site", b"same-site"})
_MISDIRECTED, _SEE_OTHER = 421, 303
_POLICY_VIOLATION = 1008


class Guard:
    """Refuses foreign Host headers (DNS rebinding) and foreign beginnings of a sign-in, a sign-out or a consent.

    A browser says by `Sec-Fetch-Site` where a request began, and no script can change that; one that does not send it
    has `state`, the nonce and the ticket's browser mark to stop a forged sign-in.
    """

    def __init__(self, app: Application, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        path = scope["path"].rstrip("/") or "/"
        if path != HEALTH and not self._known(headers.get(b"host", b"").decode("latin-1")):
            log.warning("refused a request under the host name %r", headers.get(b"host", b"")[:200])
            await _refuse(scope, send)
        elif path in OUR_OWN and headers.get(b"sec-fetch-site") in FOREIGN:
            log.warning("refused to begin %s for another site", path)
            await _answer(send, _SEE_OTHER, [(b"location", b"/"), (b"content-length", b"0")], b"")
        else:
            await self._app(scope, receive, send)

    def _known(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        bare = name if name and port.isdecimal() and not name.endswith(":") else host
        return bare.lower().removeprefix("[").removesuffix("]") in self._hosts


async def _refuse(scope: Message, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    body = b"The console is not reached under this name. Its names are console.public_url and console.allowed_hosts.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await _answer(send, _MISDIRECTED, headers, body)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
