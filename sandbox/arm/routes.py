"""Azure Resource Manager and Azure ML's control plane, all but online endpoints."""

from __future__ import annotations

from sandbox.arm import operations
from sandbox.arm.handlers import (
    assets,
    computes,
    deployments,
    groups,
    identities,
    jobs,
    limits,
    models,
    parts,
    plain,
    roles,
    workspaces,
)
from sandbox.arm.routing import ArmRoute
from sandbox.runtime.jobs import Jobs
from sandbox.service import Service
from sandbox.world import World


def service(world: World) -> Service:
    runner = Jobs(world)
    table = {
        **groups.handlers(),
        **deployments.handlers(),
        **workspaces.handlers(),
        **computes.handlers(),
        **assets.handlers(),
        **models.handlers(),
        **jobs.handlers(runner),
        **plain.handlers(),
        **parts.handlers(),
        **identities.handlers(),
        **roles.handlers(),
        **limits.handlers(),
        **operations.handlers(),
    }

    def start() -> None:
        operations.recover(world)
        runner.start()

    return Service(name="arm", routes=[ArmRoute(world, table)], start=start, stop=runner.stop)
