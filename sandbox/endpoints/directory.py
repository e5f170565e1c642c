"""Where a request to an endpoint goes: what the scoring front needs, held in memory until something changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.arm import resources
from sandbox.arm.ids import parse
from sandbox.endpoints.models import request_timeout
from sandbox.world import World

KEYS = "endpoint_keys"
ADDRESS = "endpoint_address"  # "workspace/endpoint" in lower case -> the endpoint's ARM id


@dataclass(frozen=True, slots=True)
class Upstream:
    """A deployment: `port` of its server on loopback, 0 while it does not answer; seconds a request may take."""

    name: str
    port: int
    timeout: float


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint. `deployments` by lower-cased name; `traffic` and `mirror` are percentages by name."""

    resource_id: str
    name: str
    workspace: str
    workspace_guid: str
    location: str
    keys: tuple[bytes, ...] = field(repr=False)
    traffic: Mapping[str, int]
    mirror: Mapping[str, int]
    deployments: Mapping[str, Upstream]


class Directory:
    """Routes by workspace and endpoint; `forget` after every change."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ports: Callable[[], Mapping[str, int]] = dict
        self._lock = threading.Lock()
        self._routes: dict[str, Route | None] = {}
        self._generation = 0

    def connect(self, ports: Callable[[], Mapping[str, int]]) -> None:
        """Tell where ports by lower-cased deployment id come from."""
        self._ports = ports

    def forget(self) -> None:
        with self._lock:
            self._generation += 1
            self._routes = {}

    def find(self, workspace: str, endpoint: str) -> Route | None:
        """The endpoint's route, None if there is no such endpoint (yet)."""
        address = f"{workspace}/{endpoint}".lower()
        try:
            return self._routes[address]
        except KeyError:
            generation = self._generation
            route = self._read(address)
            with self._lock:
                if generation == self._generation:
                    self._routes[address] = route
            return route

    def _read(self, address: str) -> Route | None:
        known = self._world.documents.get(ADDRESS, address)
        endpoint = resources.get(self._world, known["id"]) if known else None
        keys = self._world.documents.get(KEYS, known["id"].lower()) if known else None
        if known is None or endpoint is None or keys is None or endpoint["properties"]["scoringUri"] is None:
            return None
        identity = parse(endpoint["id"])
        workspace = resources.get(self._world, identity.workspace_id) or {}
        ports = self._ports()
        found = resources.children(self._world, identity.text, "deployments")
        return Route(
            resource_id=identity.key,
            name=endpoint["name"],
            workspace=identity.workspace,
            workspace_guid=str(workspace.get("properties", {}).get("workspaceId", "")),
            location=endpoint["location"],
            keys=(keys["primaryKey"].encode(), keys["secondaryKey"].encode()),
            traffic={name: weight for name, weight in endpoint["properties"]["traffic"].items() if weight},
            mirror=endpoint["properties"]["mirrorTraffic"],
            deployments={
                item["name"].lower(): Upstream(item["name"], ports.get(item["id"].lower(), 0), request_timeout(item))
                for item in found
            },
        )
