"""Everything the sandbox remembers: JSON documents in one SQLite file, safe against kill -9."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, number INTEGER PRIMARY KEY AUTOINCREMENT,
    UNIQUE (kind, key)
);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


LAST_CHARACTER = "\U0010ffff"


class Documents:
    """A store of documents by (kind, key); every method is one transaction and may be called from any thread.

    Keys are compared as given: ARM handlers lower-case their ids before they call.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def get(self, kind: str, key: str) -> Document | None:
        with self._lock:
            row = self._connection.execute(
                "SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, kind: str, key: str, body: Document) -> None:
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO documents (kind, key, body) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                (kind, key, json.dumps(body)),
            )

    def create(self, kind: str, key: str, body: Document) -> bool:
        """Store a new document; False, and nothing changed, if the key is taken."""
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO documents (kind, key, body) VALUES (?, ?, ?)", (kind, key, json.dumps(body))
            )
            return cursor.rowcount == 1

    def update(self, kind: str, key: str, change: Callable[[Document], Document]) -> Document | None:
        """Read, change and write in one transaction; None if there is no such document."""
        with self._transaction() as connection:
            row = connection.execute("SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)).fetchone()
            if row is None:
                return None
            body = change(json.loads(row[0]))
            connection.execute(
                "UPDATE documents SET body = ? WHERE kind = ? AND key = ?", (json.dumps(body), kind, key)
            )
            return body

    def delete(self, kind: str, key: str) -> bool:
        with self._transaction() as connection:
            cursor = connection.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))
            return cursor.rowcount == 1

    def list(self, kind: str, prefix: str = "") -> list[tuple[str, Document]]:
        """Documents whose key starts with `prefix`, oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT key, body FROM documents WHERE kind = ? AND key >= ? AND key < ? ORDER BY number",
                (kind, prefix, prefix + LAST_CHARACTER),  # a range, so that the index answers it
            ).fetchall()
        return [(key, json.loads(body)) for key, body in rows]

    def next_number(self, counter: str) -> int:
        """1, 2, 3, ... per counter name, never repeated."""
        with self._transaction() as connection:
            row = connection.execute(
                "INSERT INTO counters (name, value) VALUES (?, 1) "
                "ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                (counter,),
            ).fetchone()
            return int(row[0])

    def close(self) -> None:
        with self._lock:
            self._connection.close()
