"""Files on the default branch that decide what passes: their digest as a worker last saw it."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from backend.domain.clock import Clock
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.tables import watched_files


class WatchedFiles:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def saw(self, path: str, digest: str, note: Note) -> bool:
        """Remember what is there now; True, with `note` in the ledger, where it is another than before."""
        with self._database.writing() as transaction:
            chosen = watched_files.c.path == path
            before = transaction.execute(select(watched_files.c.digest).where(chosen)).scalar_one_or_none()
            if before == digest:
                return False
            if before is None:
                transaction.execute(watched_files.insert().values(path=path, digest=digest, seen_at=self._clock()))
            else:
                transaction.execute(watched_files.update().where(chosen).values(digest=digest, seen_at=self._clock()))
            self._audit.append(replace(note, before=before or "", after=digest), transaction)
            return True

    def digest(self, path: str) -> str:
        """As last seen, "" if never."""
        with self._database.reading() as connection:
            chosen = watched_files.c.path == path
            return connection.execute(select(watched_files.c.digest).where(chosen)).scalar_one_or_none() or ""
