"""A record of every request on an emulated path: who asked for what, and what came back; never bodies or tokens.

Requests are queued and written in batches on one thread, so that journaling costs a request next to nothing.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.envelopes import service_of
from sandbox.identity.tokens import authenticate, digest
from sandbox.world import World

log = logging.getLogger(__name__)

KEEP = 20_000
BATCH_SECONDS = 0.2
LONGEST_TEXT = 500
MOST_NAMES = 1_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, service TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, api_version TEXT NOT NULL, principal TEXT NOT NULL, user_agent TEXT NOT NULL,
    status INTEGER NOT NULL, ms REAL NOT NULL
);
"""
INSERT = (
    "INSERT INTO requests (at, service, method, path, api_version, principal, user_agent, status, ms) "
    "VALUES (:at, :service, :method, :path, :api_version, :principal, :user_agent, :status, :ms)"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request; `number` grows by one per request, `at` is its start in UTC, `ms` its whole duration."""

    number: int
    at: str
    service: str
    method: str
    path: str
    api_version: str
    principal: str
    user_agent: str
    status: int
    ms: float


@dataclass(frozen=True, slots=True)
class _Pending:
    """A request not yet written. `authorization` lives here for a moment, to be read as a name, and is never stored."""

    row: dict[str, Any]
    authorization: str | None


class Journal:
    """The last `KEEP` requests, in a SQLite file of their own."""

    def __init__(self, path: Path, world: World) -> None:
        self._world = world
        self._queue: deque[_Pending] = deque()
        self._names: dict[str, str] = {}
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(SCHEMA)
        self._thread = threading.Thread(target=self._write_batches, name="journal", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued and close the file."""
        self._stopping.set()
        self._work.set()
        self._thread.join(timeout=5)
        self.flush()
        with self._lock:
            self._connection.close()

    def record(self, row: dict[str, Any], authorization: str | None) -> None:
        self._queue.append(_Pending(row, authorization))
        self._work.set()

    def entries(self, limit: int = 100, *, service: str = "", contains: str = "") -> list[Entry]:
        """The newest first; `contains` is a part of the path. Sees every request that has been answered."""
        self.flush()
        with self._lock:
            rows = self._connection.execute(
                "SELECT number, at, service, method, path, api_version, principal, user_agent, status, ms "
                "FROM requests WHERE (? = '' OR service = ?) AND instr(lower(path), lower(?)) > 0 "
                "ORDER BY number DESC LIMIT ?",
                (service, service, contains, limit),
            ).fetchall()
        return [Entry(*row) for row in rows]

    def flush(self) -> None:
        """Write what is queued now."""
        with self._lock:
            batch: list[_Pending] = []
            while self._queue:
                batch.append(self._queue.popleft())
            if batch:
                self._write(batch)

    def _write_batches(self) -> None:
        while not self._stopping.is_set():
            self._work.wait()
            self._stopping.wait(BATCH_SECONDS)
            self._work.clear()
            self.flush()

    def _write(self, batch: Iterable[_Pending]) -> None:
        rows = [pending.row | {"principal": self._name(pending.authorization)} for pending in batch]
        self._connection.execute("BEGIN")
        self._connection.executemany(INSERT, rows)
        self._connection.execute("DELETE FROM requests WHERE number <= (SELECT max(number) FROM requests) - ?", (KEEP,))
        self._connection.execute("COMMIT")

    def _name(self, authorization: str | None) -> str:
        """The caller's name. A caller asks many times in a row, and checking a signature costs more than the entry."""
        if authorization is None:
            return ""
        key = digest(authorization)
        if key not in self._names:
            principal = authenticate(self._world, authorization)
            if len(self._names) >= MOST_NAMES:
                self._names.clear()
            self._names[key] = "" if principal is None else principal.name
        return self._names[key]


class JournalMiddleware:
    """Times each request and queues its entry; the control pages and their polling are not journaled."""

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app = app
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or (service := service_of(scope["path"], headers)) == "control":
            await self._app(scope, receive, send)
            return
        started, at, status = time.perf_counter(), datetime.now(UTC), 500

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observe)
        finally:
            row = {
                "at": at.isoformat(timespec="milliseconds"),
                "service": service,
                "method": scope["method"],
                "path": scope["path"][:LONGEST_TEXT],
                "api_version": _api_version(scope["query_string"], headers),
                "user_agent": headers.get("user-agent", "")[:LONGEST_TEXT],
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 2),
            }
            self._journal.record(row, headers.get("authorization"))


def as_json(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    return [asdict(entry) for entry in entries]


def _api_version(query: bytes, headers: Headers) -> str:
    """Azure says it in the query, Blob Storage and GitHub in a header."""
    version = parse_qs(query.decode("latin-1")).get("api-version", [""])[0]
    return (version or headers.get("x-ms-version", "") or headers.get("x-github-api-version", ""))[:64]
