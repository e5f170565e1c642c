"""Break-glass: what was asked, by whom it was confirmed, and when it ended."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from backend.domain.approvals import Override
from backend.errors import NotFound
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.idempotency import same_request
from backend.store.tables import overrides

_CLICK = ("model", "version", "digest", "threshold", "gates", "asked_by", "reason")


class Overrides:
    """Rows are only ever added to: who asked, who confirmed and who ended it stays for ever."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def ask(self, override: Override, note: Note, within: Connection | None = None) -> Override:
        """Record the wish once; raises Conflict if its key was used for another one."""
        with self._database.writing(within) as transaction:
            existing = self._find(transaction, override.id)
            if existing is not None:
                same_request(existing, override, _CLICK)
                return existing
            fields = override.model_dump() | {"gates": json.dumps(override.gates)}
            transaction.execute(overrides.insert().values(**fields))
            self._audit.append(note, transaction)
            return override

    def confirm(self, override_id: str, by: str, reason: str, at: datetime, note: Note, within: Connection) -> Override:
        """Set the second person. The caller has looked in the same transaction that nobody has before."""
        said = {"confirmed_by": by, "confirmed_reason": reason, "confirmed_at": at}
        return self._change(override_id, said, note, within)

    def end(self, override_id: str, by: str, at: datetime, note: Note, within: Connection) -> Override:
        return self._change(override_id, {"ended_by": by, "ended_at": at}, note, within)

    def get(self, override_id: str, within: Connection | None = None) -> Override:
        with self._database.reading(within) as connection:
            found = self._find(connection, override_id)
        if found is None:
            raise NotFound(f"There is no break-glass request {override_id!r}.")
        return found

    def of_version(self, model: str, version: str) -> tuple[Override, ...]:
        """Newest first."""
        chosen = (overrides.c.model == model) & (overrides.c.version == version)
        with self._database.reading() as connection:
            rows = connection.execute(
                select(overrides).where(chosen).order_by(overrides.c.asked_at.desc(), overrides.c.id)
            )
            return tuple(_read(row) for row in rows)

    def _change(self, override_id: str, values: dict[str, Any], note: Note, within: Connection) -> Override:
        within.execute(update(overrides).where(overrides.c.id == override_id).values(**values))
        self._audit.append(note, within)
        return self.get(override_id, within)

    def _find(self, connection: Connection, override_id: str) -> Override | None:
        row = connection.execute(select(overrides).where(overrides.c.id == override_id)).first()
        return None if row is None else _read(row)


def _read(row: Row[Any]) -> Override:
    fields = dict(row._mapping)
    return Override.model_validate(fields | {"gates": tuple(json.loads(fields["gates"]))})
