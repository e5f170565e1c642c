"""What the handlers and the scoring front of one world share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sandbox.endpoints.directory import Directory
from sandbox.endpoints.fleet import Fleet
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Plant:
    """`lock` makes one change of traffic or deployments at a time."""

    world: World
    directory: Directory
    fleet: Fleet
    lock: threading.RLock = field(default_factory=threading.RLock)


def build(world: World) -> Plant:
    directory = Directory(world)
    fleet = Fleet(world, changed=directory.forget)
    directory.connect(fleet.ports)
    return Plant(world, directory, fleet)
