"""Events in a deployment's life and lines of its log, as rows of the Log Analytics tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.arm.ids import parse
from sandbox.monitor import tables
from sandbox.world import World

CONTAINER = "inference-server"
EVENT_OPERATION = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/event"
CONSOLE_OPERATION = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/log"
MAX_LINE = 8_000


def event(world: World, deployment_id: str, name: str, message: str) -> None:
    """Record what happened to a deployment, for example `Ready`."""
    tables.record_event(
        world, {**_common(deployment_id), "Name": name, "Message": message, "OperationName": EVENT_OPERATION}
    )


def console(world: World, deployment_id: str, image: str, lines: Sequence[str]) -> None:
    """Record lines the container wrote, in their order."""
    shared = {"ContainerName": CONTAINER, "ContainerImageName": image, "OperationName": CONSOLE_OPERATION}
    for line in lines:
        tables.record_console(world, {**_common(deployment_id), **shared, "Message": line[:MAX_LINE]})


def instance_of(deployment_id: str) -> str:
    """The name of a deployment's one instance."""
    return f"{parse(deployment_id).name}-0"


def endpoint_of(deployment_id: str) -> str:
    """The ARM id of the endpoint a deployment belongs to."""
    return deployment_id.rstrip("/").rpartition("/")[0].rpartition("/")[0]


def _common(deployment_id: str) -> dict[str, Any]:
    return {
        "_ResourceId": endpoint_of(deployment_id),
        "DeploymentName": parse(deployment_id).name,
        "InstanceId": instance_of(deployment_id),
    }
