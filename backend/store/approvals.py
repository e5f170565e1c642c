"""Approvals and rejections of model versions, each bound to a digest and a threshold."""

from __future__ import annotations

from sqlalchemy import Connection, select

from backend.domain.registry import Approval
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.idempotency import same_request
from backend.store.tables import approvals

_CLICK = ("model", "version", "digest", "threshold", "decision", "actor", "reason")


class Approvals:
    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def record(self, approval: Approval, note: Note, within: Connection | None = None) -> Approval:
        """Record a decision once; raises Conflict if its key was used for another one."""
        with self._database.writing(within) as transaction:
            row = transaction.execute(select(approvals).where(approvals.c.id == approval.id)).first()
            if row is not None:
                existing = Approval.model_validate(dict(row._mapping))
                same_request(existing, approval, _CLICK)
                return existing
            transaction.execute(approvals.insert().values(**approval.model_dump()))
            self._audit.append(note, transaction)
            return approval

    def of_version(self, model: str, version: str) -> tuple[Approval, ...]:
        """Newest first."""
        chosen = (approvals.c.model == model) & (approvals.c.version == version)
        with self._database.reading() as connection:
            rows = connection.execute(select(approvals).where(chosen).order_by(approvals.c.at.desc(), approvals.c.id))
            return tuple(Approval.model_validate(dict(row._mapping)) for row in rows)
