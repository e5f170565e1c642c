"""Drills: asked for, performed by one worker at a time, and what each control did, with its ledger row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from backend.domain.clock import Clock
from backend.domain.drills import Control, ControlStanding, Drill, DrillResult, DrillState, Outcome, Verdict
from backend.domain.people import WORKER, Actor
from backend.errors import NotFound
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.notice_tables import drill_results as results
from backend.store.notice_tables import drills


class Drills:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def ask(self, actor: Actor, key: str) -> Drill:
        """The drill of this click; one that is wanted or under way is answered instead of a second."""
        with self._database.writing() as transaction:
            known = self._find(transaction, drills.c.id == key) or self._open(transaction)
            if known is not None:
                return known
            drill = Drill(
                id=key, asked_by=actor.name, channel=actor.channel, asked_at=self._clock(), state=DrillState.WANTED
            )
            transaction.execute(drills.insert().values(**drill.model_dump() | {"state": drill.state.value}))
            self._tell(transaction, drill, actor, "drill.asked", "Every control is tried.")
            return drill

    def ask_if_due(self, every_hours: float) -> None:
        """Record the worker's own drill where the latest of anybody was asked for that long ago, or there is none."""
        if self._latest_asked() > self._clock() - timedelta(hours=every_hours):
            return
        with self._database.writing() as transaction:
            now = self._clock()
            newest = transaction.execute(select(func.max(drills.c.asked_at))).scalar_one_or_none()
            if newest is not None and newest > now - timedelta(hours=every_hours):
                return
            drill = Drill(
                id=f"scheduled-{now.strftime('%Y%m%dT%H%M%S')}",
                asked_by=WORKER.name,
                channel=WORKER.channel,
                asked_at=now,
                state=DrillState.WANTED,
            )
            transaction.execute(drills.insert().values(**drill.model_dump() | {"state": drill.state.value}))
            self._tell(transaction, drill, WORKER, "drill.asked", "By schedule.")

    def claim(self, lease_seconds: float) -> Drill | None:
        """The drill that waits, or that a dead worker left, under a lease; None if there is none."""
        now = self._clock()
        free = drills.c.lease_until.is_(None) | (drills.c.lease_until < now)
        due = (drills.c.state != DrillState.DONE.value) & free
        with self._database.reading() as connection:
            if connection.execute(select(drills.c.id).where(due)).first() is None:
                return None
        with self._database.writing() as transaction:
            row = transaction.execute(select(drills).where(due).order_by(drills.c.asked_at).limit(1)).first()
            if row is None:
                return None
            fields = {"state": DrillState.RUNNING.value, "attempts": row.attempts + 1}
            fields["lease_until"] = now + timedelta(seconds=lease_seconds)
            transaction.execute(update(drills).where(drills.c.id == row.id).values(**fields))
            return _drill(row).model_copy(update={"state": DrillState.RUNNING, "attempts": row.attempts + 1})

    def keep(self, drill: Drill, lease_seconds: float) -> bool:
        """Renew the lease; False where another worker has taken the drill over, so that nothing more may be tried."""
        mine = (drills.c.id == drill.id) & (drills.c.attempts == drill.attempts)
        until = self._clock() + timedelta(seconds=lease_seconds)
        with self._database.writing() as transaction:
            running = mine & (drills.c.state == DrillState.RUNNING.value)
            return transaction.execute(update(drills).where(running).values(lease_until=until)).rowcount == 1

    def record(self, drill: Drill, verdict: Verdict, within: Connection | None = None) -> DrillResult:
        """One result a control and drill: a drill that is taken up again does not say it twice."""
        with self._database.writing(within) as transaction:
            here = (results.c.drill == drill.id) & (results.c.control == verdict.control.value)
            known = transaction.execute(select(results).where(here)).first()
            if known is not None:
                return _result(known)
            result = DrillResult(**verdict.model_dump(), drill=drill.id, at=self._clock())
            transaction.execute(results.insert().values(**_row(result)))
            tried = select(func.count()).select_from(results).where(results.c.drill == drill.id)
            number = int(transaction.execute(tried).scalar_one())
            transaction.execute(update(drills).where(drills.c.id == drill.id).values(tried=number))
            self._audit.append(_note(drill, result), transaction)
            return result

    def end(self, drill: Drill, note: str) -> None:
        """The drill is over; a worker that lost it changes nothing."""
        with self._database.writing() as transaction:
            mine = (drills.c.id == drill.id) & (drills.c.attempts == drill.attempts)
            fields = {"state": DrillState.DONE.value, "note": note, "finished_at": self._clock(), "lease_until": None}
            running = mine & (drills.c.state == DrillState.RUNNING.value)
            if transaction.execute(update(drills).where(running).values(**fields)).rowcount == 1:
                self._tell(transaction, drill, WORKER, "drill.ended", note)

    def get(self, drill_id: str) -> Drill:
        with self._database.reading() as connection:
            found = self._find(connection, drills.c.id == drill_id)
        if found is None:
            raise NotFound(f"There is no drill {drill_id!r}.")
        return found

    def latest(self) -> Drill | None:
        with self._database.reading() as connection:
            row = connection.execute(select(drills).order_by(drills.c.asked_at.desc()).limit(1)).first()
        return None if row is None else _drill(row)

    def of_drill(self, drill_id: str) -> tuple[DrillResult, ...]:
        """In the order of the controls."""
        with self._database.reading() as connection:
            found = {
                row.control: _result(row)
                for row in connection.execute(select(results).where(results.c.drill == drill_id))
            }
        return tuple(found[control.value] for control in Control if control.value in found)

    def standing(self) -> tuple[ControlStanding, ...]:
        """Every control, tried or not."""
        with self._database.reading() as connection:
            return tuple(self._standing(connection, control) for control in Control)

    def _standing(self, connection: Connection, control: Control) -> ControlStanding:
        mine = results.c.control == control.value
        newest = select(results).where(mine).order_by(results.c.at.desc()).limit(1)
        refused = select(func.max(results.c.at)).where(mine, results.c.outcome == Outcome.REFUSED.value)
        row = connection.execute(newest).first()
        at = connection.execute(refused).scalar_one_or_none()
        return ControlStanding(control=control, latest=None if row is None else _result(row), refused_at=at)

    def _latest_asked(self) -> datetime:
        latest = self.latest()
        return latest.asked_at if latest else datetime.min.replace(tzinfo=self._clock().tzinfo)

    def _open(self, connection: Connection) -> Drill | None:
        return self._find(connection, drills.c.state != DrillState.DONE.value)

    def _find(self, connection: Connection, condition: ColumnElement[bool]) -> Drill | None:
        row = connection.execute(select(drills).where(condition)).first()
        return None if row is None else _drill(row)

    def _tell(self, transaction: Connection, drill: Drill, actor: Actor, action: str, reason: str) -> None:
        note = Note(
            actor=actor.name, channel=actor.channel, action=action, subject=f"drill/{drill.id}", reason=reason
        )  # fmt: skip
        self._audit.append(note, transaction)


def _note(drill: Drill, result: DrillResult) -> Note:
    detail = {"drill": drill.id, "tried_as": result.tried_as, "asked_by": drill.asked_by}
    more = {"instead": result.instead, "left": result.left}
    return Note(
        actor=WORKER.name,
        channel=WORKER.channel,
        action="drill.tried",
        subject=f"control/{result.control.value}",
        reason=result.told,
        after=result.outcome.value,
        detail=detail | {name: value for name, value in more.items() if value},
    )


def _row(result: DrillResult) -> Mapping[str, object]:
    return result.model_dump() | {"control": result.control.value, "outcome": result.outcome.value}


def _drill(row: Row[tuple[object, ...]]) -> Drill:
    fields: dict[str, object] = dict(row._mapping)
    fields.pop("lease_until")
    return Drill.model_validate(fields)


def _result(row: Row[tuple[object, ...]]) -> DrillResult:
    return DrillResult.model_validate(dict(row._mapping))
