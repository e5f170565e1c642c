"""Who may stand in for whom when an approval is asked of a named person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from backend.domain.approvals import Delegation
from backend.errors import NotFound
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.idempotency import same_request
from backend.store.tables import delegations

_CLICK = ("person", "delegate", "reason", "until")


class Delegations:
    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def record(self, delegation: Delegation, note: Note, within: Connection | None = None) -> Delegation:
        """Record a delegation once; raises Conflict if its key was used for another one."""
        with self._database.writing(within) as transaction:
            existing = self._find(transaction, delegation.id)
            if existing is not None:
                same_request(existing, delegation, _CLICK)
                return existing
            transaction.execute(delegations.insert().values(**delegation.model_dump()))
            self._audit.append(note, transaction)
            return delegation

    def revoke(self, delegation_id: str, at: datetime, note: Note, within: Connection | None = None) -> Delegation:
        """End it now; one that is revoked already stays as it is, without a second entry in the ledger."""
        with self._database.writing(within) as transaction:
            known = self._get(transaction, delegation_id)
            if known.revoked_at is not None:
                return known
            transaction.execute(update(delegations).where(delegations.c.id == delegation_id).values(revoked_at=at))
            self._audit.append(note, transaction)
            return known.model_copy(update={"revoked_at": at})

    def get(self, delegation_id: str) -> Delegation:
        with self._database.reading() as connection:
            return self._get(connection, delegation_id)

    def every(self) -> tuple[Delegation, ...]:
        """Newest first, those that have ended included: an approval is judged by who stood in when it was given."""
        with self._database.reading() as connection:
            rows = connection.execute(select(delegations).order_by(delegations.c.since.desc(), delegations.c.id))
            return tuple(Delegation.model_validate(dict(row._mapping)) for row in rows)

    def _get(self, connection: Connection, delegation_id: str) -> Delegation:
        found = self._find(connection, delegation_id)
        if found is None:
            raise NotFound(f"There is no delegation {delegation_id!r}; `mlops approvers list` shows them.")
        return found

    def _find(self, connection: Connection, delegation_id: str) -> Delegation | None:
        row = connection.execute(select(delegations).where(delegations.c.id == delegation_id)).first()
        return None if row is None else Delegation.model_validate(dict(row._mapping))
