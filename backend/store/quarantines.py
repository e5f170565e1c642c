"""Quarantine: versions that may run nowhere until somebody releases them."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from backend.domain.approvals import Quarantine
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.tables import quarantines


class Quarantines:
    """A version is found by its number or by its digest: the same bytes under another number are the same model."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def set(self, quarantine: Quarantine, note: Note, within: Connection | None = None) -> Quarantine:
        """Keep it away from every endpoint; a version that is quarantined already keeps its first reason."""
        with self._database.writing(within) as transaction:
            known = self._own(transaction, quarantine.model, quarantine.version)
            if known is not None:
                return known
            transaction.execute(quarantines.insert().values(**quarantine.model_dump()))
            self._audit.append(note, transaction)
            return quarantine

    def retire(self, quarantine: Quarantine, note: Note, within: Connection | None = None) -> Quarantine:
        """Keep it away for good, in place of a quarantine if there is one; once retired, the first reason stays."""
        with self._database.writing(within) as transaction:
            known = self._own(transaction, quarantine.model, quarantine.version)
            if known is not None and known.retired:
                return known
            self._forget(transaction, quarantine.model, quarantine.version)
            transaction.execute(quarantines.insert().values(**quarantine.model_dump()))
            self._audit.append(note, transaction)
            return quarantine

    def release(self, model: str, version: str, note: Note) -> Quarantine | None:
        """Let it be used again and answer what held it; None where nothing did, or where it is retired."""
        with self._database.writing() as transaction:
            known = self._own(transaction, model, version)
            if known is None or known.retired:
                return None
            self._forget(transaction, model, version)
            self._audit.append(note, transaction)
            return known

    def on(self, model: str, version: str, digest: str) -> Quarantine | None:
        """What holds a version of these bytes; its own quarantine before one of equal bytes."""
        held = quarantines.c.version == version
        if digest:
            held = or_(held, quarantines.c.digest == digest)
        with self._database.reading() as connection:
            rows = connection.execute(select(quarantines).where(quarantines.c.model == model, held)).all()
        found = [Quarantine.model_validate(dict(row._mapping)) for row in rows]
        return min(found, key=lambda q: (q.version != version, q.set_at), default=None)

    def _forget(self, connection: Connection, model: str, version: str) -> None:
        chosen = (quarantines.c.model == model) & (quarantines.c.version == version)
        connection.execute(quarantines.delete().where(chosen))

    def _own(self, connection: Connection, model: str, version: str) -> Quarantine | None:
        chosen = (quarantines.c.model == model) & (quarantines.c.version == version)
        row = connection.execute(select(quarantines).where(chosen)).first()
        return None if row is None else Quarantine.model_validate(dict(row._mapping))
