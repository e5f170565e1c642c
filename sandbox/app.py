"""Mounts every service on its port. A service that is not listed here does not exist."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from sandbox.envelopes import error_response, service_of
from sandbox.faults import FaultMiddleware, Faults
from sandbox.journal import Journal, JournalMiddleware
from sandbox.origin import OwnPagesOnly
from sandbox.service import Service
from sandbox.world import World

log = logging.getLogger(__name__)

SERVICES = ("identity", "blob", "arm", "tracking", "endpoints", "monitor", "github", "actions", "control")
"""In the order in which they start; their routes are tried in the same order."""


@dataclass(frozen=True, slots=True)
class Applications:
    """The two applications of a world and what both share."""

    tls: Starlette
    browser: Starlette
    journal: Journal
    faults: Faults


def services(world: World, names: Sequence[str] = SERVICES) -> Sequence[Service]:
    """Build each service once; `names` narrows a world to the services somebody works on."""
    return [cast("Service", importlib.import_module(f"sandbox.{name}.routes").service(world)) for name in names]


def applications(world: World, mounted: Sequence[Service]) -> Applications:
    """The application of the TLS port and of the browser's port, with one journal and one set of faults."""
    journal = Journal(world.settings.home / "journal.db", world)
    faults = Faults()
    tls = _application([route for service in mounted for route in service.routes], journal, faults)
    browser = _application([route for service in mounted for route in service.browser_routes], journal, faults)
    browser.add_middleware(OwnPagesOnly)
    return Applications(tls, browser, journal, faults)


def _application(routes: Sequence[BaseRoute], journal: Journal, faults: Faults) -> Starlette:
    application = Starlette(
        routes=routes,
        middleware=[Middleware(JournalMiddleware, journal=journal), Middleware(FaultMiddleware, faults=faults)],
        exception_handlers={405: _unknown_method, Exception: _broken},
    )
    application.router.redirect_slashes = False
    application.router.default = _unknown_path
    application.state.journal = journal
    application.state.faults = faults
    return application


async def _unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    await _not_implemented(Request(scope))(scope, receive, send)


async def _unknown_method(request: Request, exception: Exception) -> Response:
    """A known path with another method is as unknown as an unknown path; a service's own 405 stays as it is."""
    if type(exception) is not HTTPException:
        assert isinstance(exception, HTTPException), "Starlette looks handlers of a status up by HTTPException only"
        return Response(exception.detail, exception.status_code, exception.headers)
    return _not_implemented(request)


def _not_implemented(request: Request) -> Response:
    path = request.url.path
    message = f"{request.method} {path} is not part of this sandbox; sandbox/COVERAGE.md lists what is."
    return error_response(service_of(path, request.headers), 501, "NotImplemented", message)


async def _broken(request: Request, exception: Exception) -> Response:
    """The traceback is in the sandbox's log (uvicorn writes it); the caller gets its kind."""
    message = f"The sandbox failed while answering {request.method} {request.url.path}: {type(exception).__name__}."
    return error_response(service_of(request.url.path, request.headers), 500, "InternalServerError", message)
