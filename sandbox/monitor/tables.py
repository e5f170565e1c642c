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
    folder = world.folder("logs")
    with _lock:
        if folder not in _stores:
            _stores[folder] = LogStore(folder)
        return _stores[folder]


def close(world: World) -> None:
    """Write what waits and forget the store; the next caller opens it again."""
    with _lock:
        found = _stores.pop(world.settings.home / "logs", None)
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
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def _record(world: World, table: str, row: Mapping[str, Any]) -> None:
    resource = str(row["_ResourceId"]).lower()
    known = {"TimeGenerated": timestamp(world.now()), "_SubscriptionId": SUBSCRIPTION, **row, "_ResourceId": resource}
    store(world).append(table, known)
