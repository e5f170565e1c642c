"""The control pages, on the browser's port only and never on an emulated path."""

from __future__ import annotations

from starlette.routing import Route

from sandbox.control.handlers import faults, journal
from sandbox.control.handlers.index import Index
from sandbox.control.handlers.population import PopulationControl
from sandbox.control.handlers.practitioners import PractitionersControl
from sandbox.control.practitioners import Practitioners
from sandbox.service import Service
from sandbox.world import World


def service(world: World) -> Service:
    practitioners = Practitioners(world)
    control, population = PractitionersControl(world, practitioners), PopulationControl(world)
    routes = [
        Route("/", Index(world, control).read, methods=["GET"]),
        Route("/control/journal", journal.read, methods=["GET"]),
        Route("/control/faults", faults.read, methods=["GET"]),
        Route("/control/faults", faults.add, methods=["POST"]),
        Route("/control/faults", faults.clear, methods=["DELETE"]),
        Route("/control/faults/{number:int}", faults.clear, methods=["DELETE"]),
        Route("/control/practitioners", control.read, methods=["GET"]),
        Route("/control/practitioners", control.write, methods=["POST"]),
        Route("/control/population", population.read, methods=["GET"]),
        Route("/control/population", population.write, methods=["POST"]),
    ]
    return Service(name="control", browser_routes=routes, start=practitioners.start, stop=practitioners.stop)
