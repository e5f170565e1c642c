"""Experiment tracking: the MLflow gateway, run history, and the document that says where they are."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.arm.routing import ArmRoute
from sandbox.service import Service
from sandbox.tracking.handlers import artefacts, gateway, history
from sandbox.tracking.server import TrackingServer
from sandbox.world import World

HISTORY = "/history/v1.0"


def service(world: World) -> Service:
    server = TrackingServer(world)
    routes = [
        Route("/discovery", _discovery(world), methods=["GET"]),
        Route("/mlflow/{version}/{rest:path}", gateway.route(world), methods=["GET", "POST", "PATCH", "DELETE"]),
        ArmRoute(world, {**history.handlers(), **artefacts.handlers()}, prefix=HISTORY),
    ]
    return Service(name="tracking", routes=routes, start=server.start, stop=server.stop)


def _discovery(world: World) -> Callable[[Request], Response]:
    def discovery(_request: Request) -> Response:
        """Where a workspace's data planes are: all of them here."""
        names = (
            "api",
            "history",
            "experimentation",
            "modelmanagement",
            "hyperdrive",
            "notebooks",
            "catalog",
            "jasmine",
        )
        return JSONResponse(dict.fromkeys(names, world.settings.url))

    return discovery
