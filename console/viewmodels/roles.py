"""What part each deployment plays on the endpoint now: it is said in words beside its name, wherever that stands."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from backend.domain.endpoints import Endpoint


class Part(StrEnum):
    STABLE = "stable"
    CANDIDATE = "candidate"
    MIRROR = "mirror"
    WARM = "warm"
    GONE = "gone"


def parts_of(endpoint: Endpoint | None, stable: str, names: Iterable[str]) -> dict[str, Part]:
    """By deployment: `stable` is the one that the ledger says serves. Without an endpoint nothing is known."""
    return {} if endpoint is None else {name: _part(endpoint, stable, name) for name in names if name}


def _part(endpoint: Endpoint, stable: str, name: str) -> Part:
    if endpoint.traffic.get(name, 0) > 0:
        alone = endpoint.traffic.get(name, 0) >= 100
        return Part.STABLE if name == stable or (alone and not stable) else Part.CANDIDATE
    if endpoint.mirror_traffic.get(name, 0) > 0:
        return Part.MIRROR
    return Part.WARM if any(deployment.name == name for deployment in endpoint.deployments) else Part.GONE


def labels_of(parts: dict[str, Part], names: Iterable[str]) -> dict[str, str]:
    """`v12-7f3a (stable)`."""
    return {name: f"{name} ({parts[name].value})" if name in parts else name for name in names}
