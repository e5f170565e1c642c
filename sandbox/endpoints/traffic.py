"""The rules of traffic and mirrored traffic (pure): what an endpoint accepts, and whom a request goes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.arm.errors import ArmError, bad_request

Weights = Mapping[str, int]

MAX_MIRROR_PERCENT = 50


def live(wanted: Any, states: Mapping[str, str], current: Weights) -> dict[str, int]:
    """Weights by deployment name as stored; ArmError 400 unless they are allowed.

    They sum to 0 or 100, name existing deployments, and only one whose state is Succeeded may newly get or gain
    traffic. `states` are provisioning states by deployment name.
    """
    weights = _weights(wanted, states, "traffic")
    total = sum(weights.values())
    if total not in {0, 100}:
        raise bad_request(f"The traffic percentages must sum to 0 or 100; they sum to {total}.", target="traffic")
    for name, weight in weights.items():
        if weight > current.get(name, 0) and states[name] != "Succeeded":
            raise bad_request(
                f"Deployment {name} is {states[name]}; only a deployment that has succeeded can receive traffic.",
                target="traffic",
            )
    return weights


def mirror(wanted: Any, states: Mapping[str, str], live_weights: Weights) -> dict[str, int]:
    """The mirrored percentage of at most one succeeded deployment that takes no live traffic, at most 50."""
    weights = {name: weight for name, weight in _weights(wanted, states, "mirrorTraffic").items() if weight}
    if len(weights) > 1:
        raise bad_request("Traffic can be mirrored to one deployment only.", target="mirrorTraffic")
    for name, weight in weights.items():
        if weight > MAX_MIRROR_PERCENT:
            raise bad_request(
                f"At most {MAX_MIRROR_PERCENT} % of the traffic can be mirrored, not {weight} %.",
                target="mirrorTraffic",
            )
        if live_weights.get(name, 0):
            raise bad_request(
                f"Deployment {name} receives live traffic; it cannot receive mirrored traffic too.",
                target="mirrorTraffic",
            )
        if states[name] != "Succeeded":
            raise bad_request(
                f"Deployment {name} is {states[name]}; only a deployment that has succeeded can receive "
                "mirrored traffic.",
                target="mirrorTraffic",
            )
    return weights


def refuse_delete(deployment: str, live_weights: Weights, mirrored: Weights) -> None:
    """ArmError 400 while the deployment still has live or mirrored traffic."""
    for kind, weights in (("live", live_weights), ("mirrored", mirrored)):
        if weights.get(deployment, 0):
            raise ArmError(
                400,
                "UserError",
                f"Cannot delete deployment {deployment}: it receives {weights[deployment]} % of the {kind} traffic. "
                "Set its traffic to 0 first.",
                target=deployment,
                details=[("DeploymentHasTraffic", f"{kind} traffic {weights[deployment]} %")],
            )


def pick(weights: Weights, draw: float) -> str | None:
    """The deployment for a draw from [0, 1), None when nobody has traffic."""
    point = draw * sum(weights.values())
    for name, weight in weights.items():
        point -= weight
        if weight and point < 0:
            return name
    return None


def _weights(wanted: Any, states: Mapping[str, str], target: str) -> dict[str, int]:
    if not isinstance(wanted, Mapping):
        raise bad_request(f"{target} must be an object of percentages by deployment name.", target=target)
    spelled = {name.lower(): name for name in states}
    weights: dict[str, int] = {}
    for name, weight in wanted.items():
        if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= 100:
            raise bad_request(f"The percentage of {name} must be a whole number from 0 to 100.", target=target)
        if name.lower() not in spelled:
            raise bad_request(f"{target} names the deployment {name}, which does not exist.", target=target)
        weights[spelled[name.lower()]] = weight
    return weights
