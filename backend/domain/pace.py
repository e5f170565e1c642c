"""How many calls a rollout asks for, what so many calls can show, and how long they take to arrive. Pure."""

from __future__ import annotations

from math import ceil, log

from backend.domain.decisions import Rollout
from backend.domain.telemetry import Traffic
from backend.domain.value import Value

UNSHOWN = 0.05
"""The chance of seeing no error at all in so many calls, at the rate that they are said to exclude."""

HOUR = 3600.0
SHORTEST = 60.0


class Pace(Value):
    """One observation: the calls it needs and the seconds that takes, None where no calls arrive.

    `excluded` is the error rate that so many calls without an error exclude, at 95 %.
    """

    weight: int
    mirrored: bool
    calls: int
    per_hour: float
    seconds: float | None
    excluded: float

    @property
    def sentence(self) -> str:
        """`about 31 h to reach 300 calls at 10 % of 97 calls/h`."""
        rate = f"{self.calls:,} calls at {self.weight} % of {self.per_hour:,.0f} calls/h"
        if self.seconds is None:
            return f"no calls arrive now, so {self.calls:,} are never reached"
        return f"about {roughly(self.seconds)} to reach {rate}"


def excluded(calls: int) -> float:
    """The error rate that `calls` without an error exclude: nearly 3/n, the rule of three.

    J. A. Hanley and A. Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249 (1983) 1743-1745.
    """
    return 1 - UNSHOWN ** (1 / calls) if calls > 0 else 1.0


def fewest_calls(rate: float) -> int:
    """The calls without an error that exclude this error rate; 299 for 1 %."""
    return ceil(log(UNSHOWN) / log(1 - rate)) if 0 < rate < 1 else 0


def pace(weight: int, calls: int, seconds: float, per_hour: float, *, mirrored: bool = False) -> Pace:
    """One observation at the endpoint's present rate: it ends with its time or its calls, whichever is later."""
    arriving = per_hour * weight / 100
    needed = HOUR * calls / arriving if arriving > 0 else None
    lasts = seconds if not calls else None if needed is None else max(seconds, needed)
    return Pace(
        weight=weight, mirrored=mirrored, calls=calls, per_hour=per_hour, seconds=lasts, excluded=excluded(calls)
    )


def paces(rollout: Rollout, per_hour: float) -> tuple[Pace, ...]:
    """Each observation of the plan, a mirror's first."""
    mirror = rollout.mirror
    first = [pace(mirror.percent, mirror.min_calls, mirror.min_seconds, per_hour, mirrored=True)] if mirror else []
    return (*first, *(pace(step.weight, step.min_calls, step.min_seconds, per_hour) for step in rollout.steps))


def whole(found: tuple[Pace, ...]) -> float | None:
    """Seconds of all observations together, None where one of them never ends."""
    lasting = [one.seconds for one in found]
    return None if None in lasting else sum(seconds for seconds in lasting if seconds is not None)


def calls_per_hour(traffic: Traffic) -> float:
    """The endpoint's rate in this window, from the first call in it: a world that has just begun is not a quiet one."""
    if not traffic.points:
        return 0.0
    since = min(point.at for point in traffic.points)
    seconds = max(SHORTEST, (traffic.end - since).total_seconds())
    return HOUR * sum(point.requests for point in traffic.points) / seconds


def roughly(seconds: float) -> str:
    """`40 s`, `25 min`, `31 h`, `12 days`."""
    for size, unit, most in ((1.0, "s", 90), (60.0, "min", 90), (HOUR, "h", 72)):
        if seconds < most * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / (24 * HOUR):.0f} days"
