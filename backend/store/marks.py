"""What a watch saw last, by name: it compares with that the next time it looks."""

from __future__ import annotations

from sqlalchemy import Connection, select

from backend.domain.clock import Clock
from backend.store.database import Database
from backend.store.tables import marks


class Marks:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def value(self, name: str, within: Connection | None = None) -> str:
        """As last set, "" if never."""
        with self._database.reading(within) as connection:
            found = connection.execute(select(marks.c.value).where(marks.c.name == name)).scalar_one_or_none()
            return found or ""

    def below(self, prefix: str) -> dict[str, str]:
        """Every mark whose name begins with this, by its name."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(marks.c.name, marks.c.value).where(marks.c.name.startswith(prefix, autoescape=True))
            )
            return {row.name: row.value for row in rows}

    def set(self, name: str, value: str, within: Connection | None = None) -> None:
        with self._database.writing(within) as transaction:
            transaction.execute(marks.delete().where(marks.c.name == name))
            transaction.execute(marks.insert().values(name=name, value=value, seen_at=self._clock()))
