"""Connections and transactions: SQLite in WAL mode, or PostgreSQL, through the same SQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, String, Text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.types import TypeDecorator

from backend.errors import ConfigurationError, RemoteUnavailable
from backend.store import postgresql, sqlite

SETTING = "store.url"
PATIENCE_SECONDS = 20.0
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_FILES = ("sqlite", "sqlite+pysqlite")
_DRIVERS = (*_FILES, "postgresql", "postgresql+psycopg")


@dataclass(frozen=True)
class Kind:
    """One kind of database: how it is opened, what its transactions are told, and which errors pass."""

    open_engine: Callable[[URL, float], Engine]
    reading: Mapping[str, Any]
    writing: Mapping[str, Any]
    trouble: Callable[[DBAPIError], str]


_KINDS = {
    "sqlite": Kind(sqlite.open_engine, sqlite.READING, sqlite.WRITING, sqlite.trouble),
    "postgresql": Kind(postgresql.open_engine, postgresql.READING, postgresql.WRITING, postgresql.trouble),
}


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment as 27 characters that sort by time.

    Text, because SQLite has no time zones: the same comparison holds in both databases.
    """

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC).strftime(_FORMAT)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else datetime.fromisoformat(value)  # strptime takes 30 times as long


def storable(text: str) -> str:
    """The text with a picture of each NUL, which a service's log may hold and PostgreSQL refuses."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}")


class Words(TypeDecorator[str]):
    """Text of any length and any origin."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else storable(value)


class Database:
    """One engine; `reading()` sees a snapshot, `writing()` is the only writer from its first statement on.

    `patience` is how many seconds either waits for its turn or for a connection. While the database is away, both
    raise RemoteUnavailable, wherever in the block it is noticed: whatever was not committed is undone, and nothing is
    tried again here, since nobody can know whether a commit without an answer has happened.
    """

    def __init__(self, url: str, patience: float = PATIENCE_SECONDS) -> None:
        self._address = parse_address(url)
        self._kind = _KINDS[self._address.get_backend_name()]
        self._patience = patience
        self.engine = self._kind.open_engine(self._address, patience)
        # Threads wait here and not in the database, where each would hold a connection that the writer's reads need.
        self._turn = threading.Lock()

    @contextmanager
    def reading(self, joined: Connection | None = None) -> Iterator[Connection]:
        if joined is not None:
            yield joined
            return
        with self._answering("read"), self.engine.connect() as connection:
            yield connection.execution_options(**self._kind.reading)

    @contextmanager
    def writing(self, joined: Connection | None = None) -> Iterator[Connection]:
        """A transaction, or the caller's own one when `joined` is given; an exception undoes all of it."""
        if joined is not None:
            yield joined
            return
        with (
            self._answering("write"),
            self._taking_turns(),
            self.engine.connect() as connection,
            connection.execution_options(**self._kind.writing).begin(),
        ):
            yield connection

    def reach(self) -> None:
        """Raises ConfigurationError, naming the setting and no secret, if there is no way to the database."""
        try:
            self.engine.connect().close()
        except DBAPIError as error:
            problem = postgresql.last_words(error)
            raise ConfigurationError(SETTING, f"cannot connect {_shown(self._address)}: {problem}") from None

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._patience):
            raise _unavailable("write", "other changes of this process come first")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _answering(self, operation: str) -> Iterator[None]:
        try:
            yield
        except NoneFree as error:
            raise _unavailable(operation, "all connections of this process are in use") from error
        except DBAPIError as error:
            words = self._kind.trouble(error)
            if not words:
                raise
            raise _unavailable(operation, words) from error


def parse_address(url: str) -> URL:
    """The address, or a ConfigurationError that repeats nothing of it: what was mistyped may be the password."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            SETTING, "not a database URL; write postgresql://user:password@host/database or sqlite:////folder/file.db"
        ) from None
    if address.drivername not in _DRIVERS:
        raise ConfigurationError(
            SETTING, f"{address.drivername!r} is not supported; the URL begins with sqlite: or postgresql:"
        )
    if address.drivername not in _FILES and any("@" in (part or "") for part in (address.host, address.database)):
        raise ConfigurationError(SETTING, "user and password hold an @ that must be written as %40")
    return address


def _shown(address: URL) -> str:
    """Which database, without its password."""
    place = address.host or address.query.get("host") or "this machine"
    port = f":{address.port}" if address.port else ""
    user = f" as {address.username}" if address.username else ""
    return f"to {address.database or 'its default database'!r} on {place}{port}{user}"


def _unavailable(operation: str, problem: str) -> RemoteUnavailable:
    return RemoteUnavailable(
        f"The database does not answer: {problem}. Try again; the same click counts once.",
        service="database",
        operation=operation,
    )
