"""The outbox: written in the transaction of the ledger's row, so that nothing is told that did not happen."""

from __future__ import annotations

from sqlalchemy import Connection

from backend.domain.audit import AuditEntry
from backend.domain.notifications import notification_of
from backend.store.notice_tables import notifications


def tell(entry: AuditEntry, transaction: Connection) -> None:
    """Put a row of the ledger into the outbox if people are to be told of it."""
    found = notification_of(entry)
    if found is not None:
        transaction.execute(notifications.insert().values(**found.model_dump(exclude={"read"}), handed_at=None))
