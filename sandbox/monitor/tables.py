"""What other services write into the Log Analytics tables, and the store behind them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.accounts import SUBSCRIPTION
from sandbox.monitor.columns import CONSOLE, EVENTS, SAMPLES, TRAFFIC
from sandbox.monitor.store import LogStore
from sandbox.world import World

_stores: dict[Path, LogStore] = {}
_lock = threading.Lock()


def store(world: World) -> LogStore:
    """The world's log store, opened by the first who asks."""
    home = world.settings.home
    found = _stores.get(home)
    if found is not None:
        return found
    with _lock:
        if home not in _stores:
            _stores[home] = LogStore(world.folder("logs"))
        return _stores[home]


def close(world: World) -> None:
    """Write what waits and forget the store; the next caller opens it again."""
    with _lock:
        found = _stores.pop(world.settings.home, None)
    if found is not None:
        found.close()


def record_traffic(world: World, row: Mapping[str, Any]) -> None:
    """One answered request: columns of AmlOnlineEndpointTrafficLog, `_ResourceId` being the endpoint's ARM id."""
    _record(world, TRAFFIC, row)


def record_console(world: World, row: Mapping[str, Any]) -> None:
    """One line a container wrote: columns of AmlOnlineEndpointConsoleLog."""
    _record(world, CONSOLE, row)


def record_event(world: World, row: Mapping[str, Any]) -> None:
    """One event in a deployment's life: columns of AmlOnlineEndpointEventLog."""
    _record(world, EVENTS, row)


def record_sample(world: World, row: Mapping[str, Any]) -> None:
    """One measurement of a deployment's processes: `ResourceId, InstanceId, CpuPercent, MemoryPercent, Instances`."""
    store(world).append(SAMPLES, {"TimeGenerated": timestamp(world.now()), **row})


def timestamp(moment: datetime) -> str:
    """A time as the tables store it: UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(" ", "milliseconds")[:23]


def _record(world: World, table: str, row: Mapping[str, Any]) -> None:
    resource = str(row["_ResourceId"]).lower()
    known = {"TimeGenerated": timestamp(world.now()), "_SubscriptionId": SUBSCRIPTION, **row, "_ResourceId": resource}
    store(world).append(table, known)
