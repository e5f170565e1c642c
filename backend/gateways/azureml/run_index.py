"""The disposable index of runs: one Arrow table in memory and in a file, fed from the tracking API.

It is a cache with an age and never a source of truth: delete the file and it is made again. One process at a time feeds
it, the one that holds the lock beside the file; the others read what that one wrote.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.domain.run_search import IndexState
from backend.domain.runs import Run
from backend.gateways.azureml import run_table

VERSION = "1"
FILE, LOCK = "runs.arrow", "runs.lock"
STATE = b"runs"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one workspace: whether every run has been walked through once, and when the service was last asked."""

    complete: bool = False
    at: datetime | None = None


class RunIndex:
    """`folder` holds the file. Reading is safe from any thread: a table is never changed, only replaced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changing = threading.RLock()
        self._table: Any = None
        self._progress: dict[str, Progress] = {}
        self._version = 0
        self._written = 0
        self._read: tuple[int, int] | None = None

    @property
    def table(self) -> Any:
        """As it is now; the file's content before anything else is known."""
        with self._changing:
            if self._table is None:
                self._table = run_table.empty()
                self.read()
            return self._table

    def state(self, workspaces: Sequence[str]) -> IndexState:
        """`at` is the workspace's that was asked the longest ago."""
        with self._changing:
            table = self.table
            held = [self._progress.get(name, Progress()) for name in workspaces]
            moments = [progress.at for progress in held if progress.at]
            return IndexState(
                version=self._version,
                runs=table.num_rows,
                complete=all(progress.complete for progress in held),
                at=min(moments) if len(moments) == len(held) and moments else None,
            )

    def complete(self, workspace: str) -> bool:
        with self._changing:
            return self._progress.get(workspace, Progress()).complete

    def take_in(self, runs: Sequence[Run]) -> int:
        """Put these in place of what is known of them; how many were not known as they are now."""
        with self._changing:
            table = self.table
            known = _bodies(table, [run.key for run in runs])
            changed = [run for run in runs if known.get(run.key) != run.model_dump_json()]
            if changed:
                self._replace(run_table.merged(table, changed))
            return len(changed)

    def forget(self, keys: Sequence[str]) -> None:
        """Runs that the service knows no more."""
        if keys:
            with self._changing:
                self._replace(run_table.without(self.table, keys))

    def asked(self, workspace: str, at: datetime, *, complete: bool) -> None:
        """Note the answer's moment; `complete` stays once it is so."""
        with self._changing:
            before = self._progress.get(workspace, Progress())
            self._progress[workspace] = Progress(complete=complete or before.complete, at=at)
            self._version += complete and not before.complete

    def _replace(self, table: Any) -> None:
        self._table = table
        self._version += 1

    @contextmanager
    def owned(self) -> Iterator[bool]:
        """Whether this process may feed the index now; another one that does is not waited for."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def write(self) -> None:
        """Keep the table for the next start and for other processes, if it has changed since."""
        from pyarrow import ipc

        with self._changing:
            table, version = self.table, self._version
            told = {name: [p.complete, p.at.isoformat() if p.at else ""] for name, p in self._progress.items()}
        body = json.dumps({"version": VERSION, "workspaces": told}).encode()
        partial = self._folder / f"{FILE}.{os.getpid()}.{threading.get_ident()}.partial"
        self._folder.mkdir(parents=True, exist_ok=True)
        with ipc.new_file(str(partial), table.schema.with_metadata({STATE: body})) as file:
            file.write_table(table)
        partial.replace(self._folder / FILE)
        with self._changing:
            self._written, self._read = version, self._stamp()

    @property
    def unwritten(self) -> bool:
        with self._changing:
            return self._version != self._written

    def read(self) -> bool:
        """Take over the file where it is another than was last read or written; whether it was."""
        import pyarrow as pa
        from pyarrow import ipc

        with self._changing:
            stamp = self._stamp()
            if stamp is None or stamp == self._read:
                return False
            try:
                with pa.memory_map(str(self._folder / FILE)) as source:
                    table = ipc.open_file(source).read_all()
                told = json.loads(table.schema.metadata[STATE])
                fits = told["version"] == VERSION and set(run_table.empty().column_names) <= set(table.column_names)
                progress = {name: _progress(value) for name, value in told["workspaces"].items()} if fits else {}
            except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
                _log.info("the run index is of another time and is made again: %s", type(error).__name__)
                fits = False
            self._read = stamp
            if not fits:
                return False
            self._progress = progress
            self._replace(table.replace_schema_metadata(None))
            self._written = self._version
            return True

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = (self._folder / FILE).stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino


_shared: weakref.WeakValueDictionary[Path, RunIndex] = weakref.WeakValueDictionary()
_sharing = threading.Lock()


def shared(folder: Path) -> RunIndex:
    """The one index of this folder in this process: the poller feeds what the pages read."""
    with _sharing:
        return _shared.setdefault(folder.resolve(), RunIndex(folder.resolve()))


def _progress(told: Sequence[Any]) -> Progress:
    return Progress(complete=bool(told[0]), at=datetime.fromisoformat(told[1]) if told[1] else None)


def _bodies(table: Any, keys: Sequence[str]) -> dict[str, str]:
    rows = run_table.within(table, keys)
    return dict(zip(rows["key"].to_pylist(), rows["body"].to_pylist(), strict=True))
