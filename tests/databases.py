"""Where the tests' records stand: SQLite files by default, or the session's PostgreSQL, through the same few words."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from backend.store import Store

if TYPE_CHECKING:
    from tests.postgres import Cluster


class Databases(Protocol):
    """A kind of database that tests can have as many of as they like."""

    name: str

    def fresh(self, folder: Path, model: str | None = None) -> str:
        """The address of a migrated database of the caller's own: a copy of `model`, else without rows."""

    def model_of(self, store: Store) -> str:
        """What databases can be copied from as it is now. The store's connections are closed; it opens others."""

    def keep(self, store: Store) -> str:
        """Close the store for good, and answer the model that further databases can be copied from."""

    def drop(self, url: str) -> None:
        """Delete a database that nobody needs any more."""


class Files:
    """SQLite: a database is `console.db` in the caller's folder."""

    name = "sqlite"

    def fresh(self, folder: Path, model: str | None = None) -> str:
        shutil.copyfile(model or self._empty, folder / "console.db")
        return f"sqlite:///{folder / 'console.db'}"

    def model_of(self, store: Store) -> str:
        # What is in the write-ahead log must be in the file before it is copied.
        connection = store.database.engine.raw_connection()
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        store.close()
        return str(store.database.engine.url.database)

    keep = model_of

    def drop(self, url: str) -> None:
        """The folder belongs to the caller, and goes with it."""

    @cached_property
    def _empty(self) -> str:
        store = Store(f"sqlite:///{temporary_folder() / 'console.db'}")
        store.migrate()
        return self.keep(store)


def temporary_folder() -> Path:
    """One that is deleted with the process, for what several tests share."""
    folder = tempfile.mkdtemp(prefix="mlops-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


FILES = Files()


def chosen(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """What the fixture `databases` answers for its parameter, "sqlite" or "postgresql"."""
    if request.param == FILES.name:
        yield FILES
        return
    postgresql: Cluster = request.getfixturevalue("cluster")
    yield postgresql
    postgresql.clear()
