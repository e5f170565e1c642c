"""Webhook deliveries that were taken: each one once, whatever id it comes back under."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select

from backend.domain.clock import Clock
from backend.store.database import Database
from backend.store.marks import Marks
from backend.store.notice_tables import webhook_deliveries

RUNG = "webhook/rung"
"""The mark that every process of ours compares: it is another one after each delivery that was taken."""
KEPT = timedelta(days=30)
"""GitHub delivers again what is at most three days old; a copy of something older only wakes us."""


class Webhooks:
    def __init__(self, database: Database, marks: Marks, clock: Clock) -> None:
        self._database = database
        self._marks = marks
        self._clock = clock

    def take(self, delivery: str, signature: str, *, ring: bool) -> datetime | None:
        """Remember a delivery and, if it is to `ring`, tell every process; when it was taken before, if it was.

        The id is not part of what is signed, so the signature is compared too: the same bytes under a new id are a
        replay.
        """
        now = self._clock()
        seen = or_(webhook_deliveries.c.id == delivery, webhook_deliveries.c.signature == signature)
        with self._database.writing() as transaction:
            before: datetime | None = transaction.execute(
                select(webhook_deliveries.c.taken_at).where(seen).limit(1)
            ).scalar_one_or_none()
            if before is not None:
                return before
            transaction.execute(webhook_deliveries.delete().where(webhook_deliveries.c.taken_at < now - KEPT))
            transaction.execute(webhook_deliveries.insert().values(id=delivery, signature=signature, taken_at=now))
            if ring:
                self._marks.set(RUNG, delivery, transaction)
        return None

    def rung(self) -> str:
        """Another text whenever somebody rang; "" if nobody ever did."""
        return self._marks.value(RUNG)
