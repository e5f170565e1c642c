"""SQLite as a store: one file in WAL mode, for one machine."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

READING: dict[str, Any] = {}
WRITING: dict[str, Any] = {"writing": True}
SWITCHING_SECONDS = 0.02
"""Between two tries to switch the file's mode, which takes a few milliseconds."""
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def open_engine(address: URL, patience: float) -> Engine:
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        address,
        connect_args={"timeout": patience, "check_same_thread": False},
        pool_size=8,
        max_overflow=32,
        pool_timeout=patience,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def trouble(error: DBAPIError) -> str:
    """What keeps the database from answering, if trying again later may help; "" for every other error."""
    cause = error.orig
    # Extended codes carry the plain one in their last byte.
    if isinstance(cause, sqlite3.OperationalError) and (cause.sqlite_errorcode & 0xFF) in _BUSY:
        return "another process holds it"
    return ""


def _prepare(connection: Any, record: object) -> None:  # noqa: ARG001  # SQLAlchemy's signature
    # The driver's own transaction handling commits behind our back before DDL; we say BEGIN ourselves.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON").close()
    _keep_a_log(connection)


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """WAL mode, which the file keeps. Two that open a new file at once both switch it, and SQLite has nobody wait."""
    (waits_milliseconds,) = connection.execute("PRAGMA busy_timeout").fetchone()
    end = time.monotonic() + waits_milliseconds / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) not in _BUSY or time.monotonic() > end:
                raise
            time.sleep(SWITCHING_SECONDS)
        else:
            return


def _begin(connection: Connection) -> None:
    # A deferred transaction that turns to writing fails at once with "database is locked"; IMMEDIATE waits its turn.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
