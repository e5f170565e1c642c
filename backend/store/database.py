"""Connections and transactions: SQLite in WAL mode, or PostgreSQL, through the same SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, String, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.types import TypeDecorator

from backend.errors import ConfigurationError

BUSY_SECONDS = 20
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment as 27 characters that sort by time.

    Text, because SQLite has no time zones: the same comparison holds in both databases.
    """

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC).strftime(_FORMAT)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else datetime.strptime(value, _FORMAT).replace(tzinfo=UTC)


class Database:
    """One engine; `reading()` sees a snapshot, `writing()` holds the write lock from its first statement."""

    def __init__(self, url: str) -> None:
        try:
            address = make_url(url)
        except ArgumentError as error:
            raise ConfigurationError("store.url", f"not a database URL: {error}") from error
        self.sqlite = address.get_backend_name() == "sqlite"
        if self.sqlite and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        arguments = {"timeout": BUSY_SECONDS, "check_same_thread": False} if self.sqlite else {}
        self.engine = create_engine(
            address, connect_args=arguments, pool_size=8, max_overflow=32, pool_timeout=BUSY_SECONDS
        )
        if self.sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def reading(self, joined: Connection | None = None) -> Iterator[Connection]:
        if joined is not None:
            yield joined
            return
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, joined: Connection | None = None) -> Iterator[Connection]:
        """A transaction, or the caller's own one when `joined` is given; an exception undoes all of it."""
        if joined is not None:
            yield joined
            return
        with self.engine.connect() as connection, connection.execution_options(writing=True).begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def _prepare_sqlite(connection: Any, record: object) -> None:  # noqa: ARG001  # SQLAlchemy's signature
    # The driver's own transaction handling commits behind our back before DDL; we say BEGIN ourselves.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns to writing fails at once with "database is locked"; IMMEDIATE waits its turn.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
