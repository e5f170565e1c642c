"""What a service of the sandbox is to the application that mounts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Routes on the TLS port, routes on the browser's plain port, and what runs beside them.

    `start` is called once before the first request (find again what ran before a restart, or mark it lost);
    `stop` ends every process the service started. Neither may block for more than a few seconds.
    """

    name: str
    routes: Sequence[BaseRoute] = ()
    browser_routes: Sequence[BaseRoute] = ()
    start: Callable[[], None] = _nothing
    stop: Callable[[], None] = _nothing
