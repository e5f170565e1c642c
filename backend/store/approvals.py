"""Approvals and rejections of model versions, each bound to a digest and a threshold."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from backend.domain.registry import Approval
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.idempotency import same_request
from backend.store.tables import approvals

_CLICK = ("model", "version", "digest", "threshold", "decision", "actor", "reason", "acknowledged")


class Approvals:
    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def record(self, approval: Approval, note: Note, within: Connection | None = None) -> Approval:
        """Record a decision once; raises Conflict if its key was used for another one."""
        with self._database.writing(within) as transaction:
            row = transaction.execute(select(approvals).where(approvals.c.id == approval.id)).first()
            if row is not None:
                existing = _read(row)
                same_request(existing, approval, _CLICK)
                return existing
            transaction.execute(approvals.insert().values(**_written(approval)))
            self._audit.append(note, transaction)
            return approval

    def of_version(self, model: str, version: str) -> tuple[Approval, ...]:
        """Newest first."""
        chosen = (approvals.c.model == model) & (approvals.c.version == version)
        with self._database.reading() as connection:
            rows = connection.execute(select(approvals).where(chosen).order_by(approvals.c.at.desc(), approvals.c.id))
            return tuple(_read(row) for row in rows)


def _read(row: Row[Any]) -> Approval:
    fields = dict(row._mapping)
    return Approval.model_validate(fields | {"acknowledged": tuple(json.loads(fields["acknowledged"]))})


def _written(approval: Approval) -> dict[str, Any]:
    return approval.model_dump() | {"acknowledged": json.dumps(approval.acknowledged)}
