"""One chDB session per world: rows go in by batches, questions are answered one after the other.

chDB keeps one session per process and is used from one thread only. Rows wait in memory for at most
`FLUSH_SECONDS`; what was flushed survives a kill -9 (a part of a table is written whole or not at all).
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

from sandbox.monitor.columns import declarations, with_defaults

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
MAX_WAITING_ROWS = 50_000
MAX_QUESTIONS = 1_000
ANSWER_SECONDS = 60.0
LIMITS = "SET max_threads = 2, max_memory_usage = 1000000000, max_execution_time = 30"
OUTPUT = (
    "SET date_time_output_format = 'iso', output_format_json_quote_denormals = 1, "
    "output_format_json_quote_64bit_integers = 0, allow_experimental_kusto_dialect = 1"
)

Row = Mapping[str, Any]
Question = Callable[["Session"], Any]


class RefusedError(Exception):
    """chDB's own words on a query it does not run."""


class ClosedError(Exception):
    """The store was asked after it had been closed, or its tables could not be opened."""


class BrokenError(Exception):
    """chDB failed at something that is not the asker's: a setting, a write, an answer that is none."""


class Session:
    """The open chDB session; lives on the store's thread and is handed to questions only.

    What it raises: RefusedError, TimeoutError after `max_execution_time`, BrokenError.
    """

    def __init__(self, folder: Path) -> None:
        from chdb.session import Session as ChdbSession

        self._session = ChdbSession(str(folder))
        for statement in (*declarations(), LIMITS, OUTPUT):
            self.set(statement)

    def run(self, statement: str, output: str = "JSONCompact") -> str:
        """The answer as text in chDB's `output` format; RefusedError with chDB's message."""
        try:
            return str(self._session.query(statement, output))
        # Sessions raise `chdb._exceptions.ChdbError`, a RuntimeError. `chdb.ChdbError` may be another class, which
        # nobody raises: chdb and chdb-core both install a chdb/__init__.py, and chdb's, unpacked last, has its own.
        except RuntimeError as error:
            if "(TIMEOUT_EXCEEDED)" in str(error):
                raise TimeoutError(str(error)) from error
            raise RefusedError(str(error)) from error
        except (TypeError, ValueError) as error:
            raise BrokenError(f"chDB cannot take the statement: {error}") from error

    def set(self, statement: str) -> None:
        """Run a statement of our own, which chDB has no reason to refuse."""
        try:
            self.run(statement)
        except (RefusedError, TimeoutError) as error:
            raise BrokenError(f"{statement[:60]}: {error}") from error

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Rows of a SELECT in ClickHouse SQL, as objects."""
        return [_read(line) for line in self.run(statement, "JSONEachRow").splitlines()]

    def kusto(self, query: str) -> dict[str, Any]:
        """`{"meta": [{"name", "type"}], "data": [[...]]}` of a query in the Kusto language."""
        self.set("SET dialect = 'kusto'")
        try:
            return _read(self.run(query))
        finally:
            self.set("SET dialect = 'clickhouse'")

    def filtered(self, filters: Mapping[str, str]) -> None:
        """From now on each named table shows only the rows for which its SQL condition holds; {} shows all."""
        pairs = ", ".join(f"{literal(table)}: {literal(condition)}" for table, condition in filters.items())
        self.set(f"SET additional_table_filters = {{{pairs}}}")

    def close(self) -> None:
        self._session.close()


class LogStore:
    """The door to the session: `append` never waits, `ask` waits for its answer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()
        self._questions: queue.Queue[tuple[Question, Future[Any]] | None] = queue.Queue(maxsize=MAX_QUESTIONS)
        self._door = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="logs", daemon=True)
        self._thread.start()

    def append(self, table: str, row: Row) -> None:
        """Put a row among those written next; KeyError for a column the table does not have."""
        line = json.dumps(with_defaults(table, row))
        with self._lock:
            rows = self._waiting[table]
            if len(rows) >= MAX_WAITING_ROWS:
                log.warning("%s takes rows faster than they are written; dropping the oldest %d", table, len(rows) // 2)
                del rows[: len(rows) // 2]
            rows.append(line)

    def ask(self, question: Question) -> Any:
        """Run `question` on the session after everything appended before it has been written.

        Raises what the session raises, ClosedError, and TimeoutError when the answer is not there in time.
        """
        future: Future[Any] = Future()
        with self._door:  # nothing may queue behind the end: nobody would answer it
            if self._closed:
                raise ClosedError("The log store is closed: the sandbox is stopping")
            try:
                self._questions.put_nowait((question, future))
            except queue.Full as error:
                raise TimeoutError(f"{MAX_QUESTIONS} questions are waiting for the log tables") from error
        try:
            return future.result(timeout=ANSWER_SECONDS)
        finally:
            future.cancel()  # nobody waits for it any longer

    def close(self) -> None:
        """Write what waits, answer what was asked, and end the thread."""
        with self._door:
            if self._closed:
                return
            self._closed = True
            self._questions.put(None)
        self._thread.join(timeout=15)

    def _serve(self) -> None:
        try:
            while self._work():
                log.warning("The log tables are opened anew")
        except Exception as error:
            log.exception("The log tables in %s cannot be opened; nothing is logged", self._folder)
            self._refuse_all(error)

    def _work(self) -> bool:
        """Serve with one session; True when it broke and another must go on, False at the end."""
        with closing(Session(self._folder)) as session:
            while True:
                try:
                    item = self._questions.get(timeout=FLUSH_SECONDS)
                except queue.Empty:
                    self._flush(session)
                    continue
                self._flush(session)
                if item is None:
                    return False
                if not _answer(session, *item):
                    return True

    def _refuse_all(self, error: Exception) -> None:
        """Without tables every question is answered at once by the reason, and rows are not kept."""
        while True:
            item = self._questions.get()
            with self._lock:
                self._waiting.clear()
            if item is None:
                return
            if item[1].set_running_or_notify_cancel():
                item[1].set_exception(ClosedError(f"The log tables could not be opened: {error}"))

    def _flush(self, session: Session) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, defaultdict(list)
        for table, lines in waiting.items():
            try:
                session.set(f"INSERT INTO {table} FORMAT JSONEachRow " + "\n".join(lines))
            except BrokenError:
                log.exception("%d rows of %s could not be written", len(lines), table)


def _answer(session: Session, question: Question, future: Future[Any]) -> bool:
    """Give the asker the answer or the error; False if the session may now be in any state."""
    if not future.set_running_or_notify_cancel():
        return True
    try:
        future.set_result(question(session))
    except BrokenError as error:
        future.set_exception(error)
        return False
    except BaseException as error:  # noqa: BLE001 - handed to the thread that asked, which raises it again
        future.set_exception(error)
    return True


def _read(text: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise BrokenError(f"chDB answered {text[:80]!r} instead of JSON") from error
    return answer


def literal(text: str) -> str:
    """A ClickHouse string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0").replace("\n", "\\n")
    return f"'{escaped}'"
