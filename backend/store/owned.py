"""Findings that need an owner: read by their id, and changed with a row of the ledger in the same transaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import ClassVar, Generic, TypeVar

from sqlalchemy import Connection, Row, Select, Table, select, update

from backend.domain.clock import Clock
from backend.domain.people import Actor
from backend.domain.setup import SetupFinding
from backend.domain.unexplained import UnexplainedEvent
from backend.errors import NotFound
from backend.store.audit import Audit
from backend.store.database import Database

Found = TypeVar("Found", SetupFinding, UnexplainedEvent)


class Owned(ABC, Generic[Found]):
    """One table of them. What was noticed, and what ends it, is each table's own."""

    table: ClassVar[Table]
    noun: ClassVar[str]

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def get(self, found_id: str) -> Found:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return self._one(connection, found_id)

    @abstractmethod
    def _read(self, row: Row[tuple[object, ...]]) -> Found:
        """A row as its value."""

    @abstractmethod
    def _tell(
        self, transaction: Connection, found: Found, actor: Actor, action: str, reason: str, before: str = ""
    ) -> None:
        """Its row of the ledger."""

    def _one(self, connection: Connection, found_id: str) -> Found:
        row = connection.execute(select(self.table).where(self.table.c.id == found_id)).first()
        if row is None:
            raise NotFound(f"There is no {self.noun} {found_id!r}.")
        return self._read(row)

    def _many(self, query: Select[tuple[object, ...]]) -> tuple[Found, ...]:
        with self._database.reading() as connection:
            return tuple(self._read(row) for row in connection.execute(query))

    def _change(
        self,
        transaction: Connection,
        found: Found,
        fields: Mapping[str, object],
        actor: Actor,
        action: str,
        reason: str,
        **columns: object,
    ) -> Found:
        """Set these fields of the value, and these columns that are none of it."""
        stored = {name: value.value if isinstance(value, Enum) else value for name, value in fields.items()}
        row = self.table.c.id == found.id
        transaction.execute(update(self.table).where(row).values(**stored, **columns))
        after = found.model_copy(update=fields)
        self._tell(transaction, after, actor, action, reason, found.state.value)
        return after
