"""To which deployment most of an endpoint's traffic went, and when: told by the steps of promotions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from backend.domain.promotions import Kind, Phase, StepKind, StepState
from backend.store.database import Database
from backend.store.tables import promotions, steps

_SHIFT, _RESTORE = (f'"kind":"{kind.value}"' for kind in (StepKind.SHIFT_TRAFFIC, StepKind.RESTORE_TRAFFIC))
"""As a step is written. The kind has no column of its own: what is planned is one document."""

LATE = timedelta(hours=1)
"""An end may become visible after one that bears a later time, but not by more than this."""


class TrafficShift(NamedTuple):
    """From `at` on `deployment` had more than half; "" where the traffic was given back to nothing.

    `version` is "" where no promotion says of which version the deployment is.
    """

    at: datetime
    deployment: str
    version: str


class _Ended(NamedTuple):
    """What the promotions of one endpoint did that have ended. It stays so for ever, so it is read once."""

    latest: datetime
    by_promotion: Mapping[str, tuple[TrafficShift, ...]]


_NOTHING = _Ended(datetime(2000, 1, 1, tzinfo=UTC), {})


class TrafficShifts:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._ended: dict[str, _Ended] = {}

    def of(self, endpoint: str) -> tuple[TrafficShift, ...]:
        """All there ever were, the oldest first."""
        ended = self._ended.get(endpoint, _NOTHING)
        late = or_(promotions.c.finished_at.is_(None), promotions.c.finished_at > ended.latest - LATE)
        here = (promotions.c.endpoint == endpoint) & (promotions.c.kind != Kind.STAGE.value)
        with self._database.reading() as connection:
            rows = connection.execute(select(promotions.c.id, promotions.c.finished_at).where(here, late)).all()
            fresh = {row.id: row.finished_at for row in rows if row.id not in ended.by_promotion}
            told = _shifts(connection, fresh)
        ends = {promotion: at for promotion, at in fresh.items() if at is not None}
        known = {promotion: told.get(promotion, ()) for promotion in ends}
        ended = self._ended[endpoint] = _Ended(max([ended.latest, *ends.values()]), {**ended.by_promotion, **known})
        going_on = [shifts for promotion, shifts in told.items() if promotion not in ends]
        found = sorted(chain(*ended.by_promotion.values(), *going_on))
        versions = {shift.deployment: shift.version for shift in found if shift.version}
        return tuple(TrafficShift(at, to, version or versions.get(to, "")) for at, to, version in found)


def _shifts(connection: Connection, ids: Collection[str]) -> dict[str, tuple[TrafficShift, ...]]:
    """By promotion; what was given back has no version yet."""
    if not ids:
        return {}
    found: defaultdict[str, list[TrafficShift]] = defaultdict(list)
    about = promotions.c.id.in_(ids)
    adopted = select(promotions.c.id, promotions.c.finished_at, promotions.c.target).where(
        about, promotions.c.kind == Kind.ADOPT.value, promotions.c.phase == Phase.SUCCEEDED.value
    )
    for promotion, at, target in connection.execute(adopted):
        found[promotion].append(_to(at, target))
    ended = (steps.c.state == StepState.SUCCEEDED.value) & steps.c.finished_at.is_not(None)
    traffic = or_(steps.c.step.contains(_SHIFT, autoescape=True), steps.c.step.contains(_RESTORE, autoescape=True))
    moved = select(promotions.c.id, steps.c.finished_at, steps.c.step, promotions.c.target, promotions.c.snapshot)
    moved = moved.join(promotions, promotions.c.id == steps.c.promotion).where(about, ended, traffic)
    for promotion, at, step, target, snapshot in connection.execute(moved):
        planned = json.loads(step)
        if planned["kind"] == StepKind.SHIFT_TRAFFIC.value and (planned["weight"] or 0) > 50:
            found[promotion].append(_to(at, target))
        elif planned["kind"] == StepKind.RESTORE_TRAFFIC.value and snapshot is not None:
            found[promotion].append(TrafficShift(at, json.loads(snapshot)["stable"] or "", ""))
    return {promotion: tuple(shifts) for promotion, shifts in found.items()}


def _to(at: datetime, target: str) -> TrafficShift:
    known = json.loads(target)
    return TrafficShift(at, known["deployment"], known["version"])
