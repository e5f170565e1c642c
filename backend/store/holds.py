"""Holds: an endpoint that takes no promotion until a person lifts it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from backend.domain.promotions import Hold
from backend.errors import NotFound
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.tables import holds


class Holds:
    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def set(self, hold: Hold, channel: str, within: Connection | None = None) -> None:
        """Hold an endpoint; the latest reason replaces an earlier one."""
        with self._database.writing(within) as transaction:
            before = self._find(transaction, hold.endpoint)
            transaction.execute(holds.delete().where(holds.c.endpoint == hold.endpoint))
            transaction.execute(holds.insert().values(**hold.model_dump()))
            note = Note(
                actor=hold.set_by,
                channel=channel,
                action="hold.set",
                subject=f"endpoint/{hold.endpoint}",
                reason=hold.reason,
                before="held" if before else "open",
                after="held",
                detail={"promotion": hold.promotion},
            )
            self._audit.append(note, transaction)

    def release(self, endpoint: str, actor: str, channel: str, reason: str) -> Hold:
        """Lift the hold and answer it; raises NotFound if there is none."""
        with self._database.writing() as transaction:
            hold = self._find(transaction, endpoint)
            if hold is None:
                raise NotFound(f"{endpoint} is not on hold.")
            transaction.execute(holds.delete().where(holds.c.endpoint == endpoint))
            note = Note(
                actor=actor,
                channel=channel,
                action="hold.released",
                subject=f"endpoint/{endpoint}",
                reason=reason,
                before="held",
                after="open",
                detail={"promotion": hold.promotion},
            )
            self._audit.append(note, transaction)
            return hold

    def on(self, endpoint: str) -> Hold | None:
        with self._database.reading() as connection:
            return self._find(connection, endpoint)

    def _find(self, connection: Connection, endpoint: str) -> Hold | None:
        row = connection.execute(select(holds).where(holds.c.endpoint == endpoint)).first()
        return None if row is None else Hold.model_validate(dict(row._mapping))
