"""Signs of life of the workers."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from backend.domain.clock import Clock
from backend.store.database import Database
from backend.store.tables import heartbeats

FORGET_AFTER = timedelta(days=1)


class Heartbeats:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def beat(self, worker: str) -> None:
        now = self._clock()
        with self._database.writing() as transaction:
            gone = (heartbeats.c.worker == worker) | (heartbeats.c.at < now - FORGET_AFTER)
            transaction.execute(heartbeats.delete().where(gone))
            transaction.execute(heartbeats.insert().values(worker=worker, at=now))

    def latest(self) -> datetime | None:
        """When any worker was last seen."""
        with self._database.reading() as connection:
            newest: datetime | None = connection.execute(select(func.max(heartbeats.c.at))).scalar_one()
            return newest
