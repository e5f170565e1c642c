"""What the cloud in memory holds: its clock, its endpoints and the machines behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Target


class Clock:
    """Time that stands still until it is told to pass."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 3, 14, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Machine:
    """A deployment as the cloud holds it."""

    target: Target
    tags: dict[str, str]
    state: ProvisioningState
    until: datetime
    collects: float = 0.0


@dataclass
class Place:
    """An endpoint. `wanted` becomes `traffic` when its update ends; a mirror is set at once."""

    traffic: dict[str, int] = field(default_factory=dict)
    wanted: dict[str, int] | None = None
    until: datetime | None = None
    machines: dict[str, Machine] = field(default_factory=dict)
    mirror: dict[str, int] = field(default_factory=dict)
    mirrored: list[tuple[datetime, dict[str, int]]] = field(default_factory=list)
    served: list[tuple[datetime, dict[str, int]]] = field(default_factory=list)
    keys: tuple[str, str] = ("first", "second")
