"""The one set of objects that every page, route and poller of this process shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.settings import Settings
from console.seal import Seal
from console.snapshots import Snapshots
from console.wakes import Wakes

if TYPE_CHECKING:
    from backend.bootstrap import Backend


@dataclass(frozen=True, slots=True)
class Wiring:
    """`backend` answers from the database only when a page calls it; services are read through `snapshots`."""

    settings: Settings
    backend: Backend
    snapshots: Snapshots
    seal: Seal
    wakes: Wakes


_installed: list[Wiring] = []


def install(wiring: Wiring) -> None:
    _installed[:] = [wiring]


def current() -> Wiring:
    """What `install` was given at start; pages run only after that."""
    if not _installed:
        raise RuntimeError("the console was not started: launch it with `python -m console`")
    return _installed[0]
