"""Wishes to replace an endpoint's key, performed by one worker at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, Row, select, update

from backend.domain.clock import Clock
from backend.domain.key_rotation import KeyRotation, RotationState
from backend.domain.people import WORKER, Actor
from backend.errors import Conflict
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.marks import Marks
from backend.store.notice_tables import key_rotations as table

OPEN = (RotationState.WANTED.value, RotationState.RUNNING.value)


class KeyRotations:
    def __init__(self, database: Database, audit: Audit, marks: Marks, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._marks = marks
        self._clock = clock

    def ask(self, wanted: KeyRotation, actor: Actor, seen: Mapping[str, str | bool]) -> KeyRotation:
        """Once a click; raises Conflict while another rotation of the endpoint is open. `seen` goes to the ledger."""
        with self._database.writing() as transaction:
            row = transaction.execute(select(table).where(table.c.id == wanted.id)).first()
            if row is not None:
                return _rotation(row)
            going = self._open(transaction, wanted.endpoint)
            if going is not None:
                what = f"The {going.which.value} key of {going.endpoint} is being replaced for {going.asked_by}."
                raise Conflict(what, expected="no rotation", actual=going.id)
            values = wanted.model_dump() | {"which": wanted.which.value, "state": wanted.state.value}
            transaction.execute(table.insert().values(**values, attempts=0, lease_until=None, before=""))
            self._tell(transaction, wanted, actor, "key.rotation_asked", wanted.reason, seen)
            return wanted

    def open(self, endpoint: str, within: Connection | None = None) -> KeyRotation | None:
        """The rotation that waits or is under way."""
        if within is not None:
            return self._open(within, endpoint)
        with self._database.reading() as connection:
            return self._open(connection, endpoint)

    def recent(self, endpoint: str, limit: int = 10) -> tuple[KeyRotation, ...]:
        """Newest first."""
        query = select(table).where(table.c.endpoint == endpoint).order_by(table.c.asked_at.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(_rotation(row) for row in connection.execute(query))

    def claim(self, lease_seconds: float) -> tuple[KeyRotation, str, int] | None:
        """The wish that waits, or that a dead worker left, what `remember` kept of the keys before, and the try."""
        now = self._clock()
        free = table.c.lease_until.is_(None) | (table.c.lease_until < now)
        due = table.c.state.in_(OPEN) & free
        with self._database.reading() as connection:
            if connection.execute(select(table.c.id).where(due)).first() is None:
                return None
        with self._database.writing() as transaction:
            row = transaction.execute(select(table).where(due).order_by(table.c.asked_at).limit(1)).first()
            if row is None:
                return None
            fields = {"state": RotationState.RUNNING.value, "lease_until": now + timedelta(seconds=lease_seconds)}
            transaction.execute(update(table).where(table.c.id == row.id).values(**fields, attempts=row.attempts + 1))
            return _rotation(row).model_copy(update={"state": RotationState.RUNNING}), str(row.before), row.attempts + 1

    def remember(self, rotation: KeyRotation, before: Mapping[str, str]) -> None:
        """The prints of both keys before the first try: a second try sees by them that it was done."""
        with self._database.writing() as transaction:
            mine = (table.c.id == rotation.id) & (table.c.before == "")
            transaction.execute(update(table).where(mine).values(before=json.dumps(dict(before), sort_keys=True)))

    def later(self, rotation: KeyRotation, seconds: float, why: str) -> None:
        """Look again after so many seconds; the reason is shown meanwhile."""
        until = self._clock() + timedelta(seconds=seconds)
        with self._database.writing() as transaction:
            mine = (table.c.id == rotation.id) & table.c.state.in_(OPEN)
            transaction.execute(update(table).where(mine).values(lease_until=until, outcome=why))

    def finish(
        self, rotation: KeyRotation, state: RotationState, outcome: str, prints: tuple[str, str] | None = None
    ) -> None:
        """Record how it went; with the new `prints` under the name of a mark, nobody reports our own change."""
        with self._database.writing() as transaction:
            mine = (table.c.id == rotation.id) & table.c.state.in_(OPEN)
            values = {"state": state.value, "outcome": outcome, "finished_at": self._clock(), "lease_until": None}
            if transaction.execute(update(table).where(mine).values(**values)).rowcount != 1:
                return
            if prints is not None:
                self._marks.set(prints[0], prints[1], transaction)
            self._tell(transaction, rotation, WORKER, f"key.rotation_{state.value}", outcome, {})

    def _open(self, connection: Connection, endpoint: str) -> KeyRotation | None:
        chosen = (table.c.endpoint == endpoint) & table.c.state.in_(OPEN)
        row = connection.execute(select(table).where(chosen)).first()
        return None if row is None else _rotation(row)

    def _tell(
        self,
        transaction: Connection,
        rotation: KeyRotation,
        actor: Actor,
        action: str,
        reason: str,
        seen: Mapping[str, str | bool],
    ) -> None:
        note = Note(
            actor=actor.name,
            channel=actor.channel,
            action=action,
            subject=f"endpoint/{rotation.endpoint}",
            reason=reason,
            detail={"key": rotation.which.value, "rotation": rotation.id, "asked_by": rotation.asked_by, **seen},
        )
        self._audit.append(note, transaction)


def _rotation(row: Row[tuple[object, ...]]) -> KeyRotation:
    fields = {name: value for name, value in row._mapping.items() if name in KeyRotation.model_fields}
    return KeyRotation.model_validate(fields)
