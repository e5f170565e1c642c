"""How often simulated practitioners ask: a day's shape, or a rate somebody set for a while."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sandbox.state.documents import Document
from sandbox.world import World

KIND = "practitioners"
KEY = "rate"

FASTEST = 20.0
SLOWEST_PEAK = 0.125
BUSY = 12.0
BUSY_FOR = timedelta(minutes=10)
SET_FOR = timedelta(hours=1)
NIGHT = 0.1
NOON_HOUR = 12.5
SPREAD_HOURS = 4.0

Change = Literal["minus", "plus", "busy", "daily"]


@dataclass(frozen=True, slots=True)
class Rate:
    """`peak` requests a second at midday; until `until` (epoch seconds) the rate is `fixed` instead."""

    peak: float = 1.0
    fixed: float = 0.0
    until: float = 0.0

    def is_fixed(self, now: datetime) -> bool:
        return now.timestamp() < self.until

    def per_second(self, now: datetime) -> float:
        """Requests a second at `now`, never above `FASTEST`; the shape of the day follows this machine's clock."""
        wanted = self.fixed if self.is_fixed(now) else self.peak * day_shape(now.astimezone())
        return min(max(wanted, 0.0), FASTEST)

    def changed(self, change: Change, now: datetime) -> Rate:
        """After one of the buttons: half, double, busy for ten minutes, or back to the day's shape."""
        if change == "busy":
            return replace(self, fixed=BUSY, until=(now + BUSY_FOR).timestamp())
        if change == "daily":
            return Rate()
        factor = 2.0 if change == "plus" else 0.5
        if self.is_fixed(now):
            return replace(self, fixed=min(max(self.fixed * factor, SLOWEST_PEAK), FASTEST))
        return replace(self, peak=min(max(self.peak * factor, SLOWEST_PEAK), FASTEST))

    def held_at(self, per_second: float, now: datetime, duration: timedelta = SET_FOR) -> Rate:
        """A rate set by hand, for `duration`; ValueError outside 0 to `FASTEST` or for more than a day."""
        if not 0 <= per_second <= FASTEST:
            raise ValueError(f"per_second must be between 0 and {FASTEST:g}, not {per_second:g}.")
        if not timedelta() < duration <= timedelta(days=1):
            raise ValueError("seconds must be between 1 and 86400.")
        return replace(self, fixed=per_second, until=(now + duration).timestamp())


def day_shape(local: datetime) -> float:
    """From `NIGHT` to 1 at midday: a bell over the hours of the day."""
    hours = local.hour + local.minute / 60
    away = min(abs(hours - NOON_HOUR), 24 - abs(hours - NOON_HOUR))
    return NIGHT + (1 - NIGHT) * math.exp(-((away / SPREAD_HOURS) ** 2))


def read_rate(world: World) -> Rate:
    document = world.documents.get(KIND, KEY) or {}
    return Rate(**{name: float(document[name]) for name in Rate.__slots__ if name in document})


def write_rate(world: World, rate: Rate) -> None:
    document: Document = {"peak": rate.peak, "fixed": rate.fixed, "until": rate.until}
    world.documents.put(KIND, KEY, document)
