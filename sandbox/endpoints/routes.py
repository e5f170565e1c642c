"""Online endpoints and deployments in ARM, and the scoring front they are reached by."""

from __future__ import annotations

from starlette.routing import Route

from sandbox.arm.routing import ArmRoute
from sandbox.endpoints.handlers import deployments, keys, online_endpoints
from sandbox.endpoints.plant import Plant, build
from sandbox.endpoints.scoring import Front
from sandbox.endpoints.traffic_log import TrafficLog
from sandbox.service import Service
from sandbox.world import World


def service(world: World) -> Service:
    plant = build(world)
    table = {**online_endpoints.handlers(plant), **deployments.handlers(plant), **keys.handlers(plant)}
    front = Front(plant.directory, TrafficLog(world))
    scoring = "/scoring/{workspace}/{endpoint}/{path:path}"
    return Service(
        name="endpoints",
        routes=[ArmRoute(world, table), Route(scoring, front, methods=["GET", "POST"])],
        start=lambda: _start(plant),
        stop=plant.fleet.stop,
    )


def _start(plant: Plant) -> None:
    plant.fleet.start()
    online_endpoints.resume(plant)
    deployments.resume(plant)
