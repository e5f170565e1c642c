"""The poller-owned read cache: pages read the last known value at once and never wait for a service.

One thread and one backend (hence one client) per source. A page that shows a value watches its topic; the source's
thread loads it, again and again while somebody watches. The last value stays with its age and the reason when the
source is down, and is kept in a file, so that a restarted console shows it before the first answer arrives.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from backend.domain.clock import Clock, utc_now
from backend.domain.value import Reading
from backend.errors import BackendError, RemoteUnavailable

if TYPE_CHECKING:
    from backend.bootstrap import Backend

T = TypeVar("T")
log = logging.getLogger("console.snapshots")

FORGET_AFTER_SECONDS = 900.0
SOON_SECONDS = 4.0
NOW = 0.0
RETRY_SECONDS = 10.0
"""A source that did not answer is asked again after this time at most, however seldom it is asked otherwise."""


class Source(StrEnum):
    """What is polled by a thread of its own.

    The setup has one because comparing all of it takes many calls, the run index because its first walk takes a minute.
    """

    GITHUB = "GitHub"
    AZURE_ML = "Azure ML"
    TRACKING = "Azure ML tracking"
    RUN_INDEX = "Run list of Azure ML"
    MONITOR = "Azure Monitor"
    SETUP = "Azure and GitHub setup"


@dataclass(frozen=True, slots=True)
class Topic(Generic[T]):
    """Something worth knowing: how to load it, every how many seconds, and how it is written to the cache folder.

    A `pinned` topic is kept up to date whether or not a page shows it. A value that is `unsettled`, because its source
    is still computing it, is read again after `SOON_SECONDS`. What is not `kept` is forgotten with this process.
    """

    key: str
    source: Source
    kind: TypeAdapter[T]
    load: Callable[[Backend], T]
    every: float
    pinned: bool = False
    unsettled: Callable[[T], bool] = lambda _value: False
    kept: bool = True


@dataclass(slots=True)
class _Entry:
    """The state of one topic; guarded by the Snapshots' lock."""

    topic: Topic[Any]
    value: Any = None
    at: datetime | None = None
    problem: str = ""
    version: int = 0
    due: float = 0.0
    wanted: float = field(default_factory=time.monotonic)


class Snapshots:
    """Readings by topic. `connect` makes the backend that one source's thread owns."""

    def __init__(self, connect: Callable[[], Backend], folder: Path, clock: Clock = utc_now) -> None:
        self._connect = connect
        self._folder = folder
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for source in Source:
            thread = threading.Thread(target=self._poll, args=(source,), name=f"poll {source}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def watch(self, topic: Topic[T]) -> Reading[T]:
        """The last known value, at once; the topic stays fresh while pages keep watching it."""
        with self._changed:
            entry = self._entries.get(topic.key)
            if entry is None:
                entry = self._restored(topic)
                self._entries[topic.key] = entry
                self._changed.notify_all()
            entry.wanted = time.monotonic()
            entry.topic = topic
            return self._reading(entry)

    def refresh(self, *keys: str) -> None:
        """Load these topics as soon as their source is free: something has just been changed by a person."""
        with self._changed:
            self._due_now(key for key in keys if key in self._entries)

    def refresh_below(self, *prefixes: str) -> None:
        """As `refresh`, every topic whose key begins with one of these."""
        with self._changed:
            self._due_now(key for key in self._entries if key.startswith(prefixes))

    def versions(self, keys: tuple[str, ...]) -> tuple[int, ...]:
        """A number per topic that grows with each change of its value or of its source's health."""
        with self._changed:
            return tuple(self._entries[key].version if key in self._entries else -1 for key in keys)

    def readings(self, keys: tuple[str, ...]) -> tuple[Reading[Any], ...]:
        """What is known of topics that are already watched; their watching goes on."""
        with self._changed:
            found = [self._entries[key] for key in keys if key in self._entries]
            for entry in found:
                entry.wanted = time.monotonic()
            return tuple(self._reading(entry) for entry in found)

    def put(self, topic: Topic[T], value: T) -> None:
        """Record a value as if its source had just answered it."""
        with self._changed:
            entry = self._entries.setdefault(topic.key, _Entry(topic))
            self._answered(entry, value)

    def fail(self, topic: Topic[T], problem: str) -> None:
        """Record that a source does not answer; the last value stays."""
        with self._changed:
            entry = self._entries.setdefault(topic.key, _Entry(topic))
            self._failed(entry, problem)

    def health(self) -> dict[Source, Reading[str]]:
        """Per source: when it last answered, and its latest problem."""
        with self._changed:
            return {source: self._source_health(source) for source in Source}

    def _due_now(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._entries[key].due = NOW
        self._changed.notify_all()

    def _source_health(self, source: Source) -> Reading[str]:
        entries = [e for e in self._entries.values() if e.topic.source is source]
        at = max((e.at for e in entries if e.at), default=None)
        problem = next((e.problem for e in entries if e.problem), "")
        return Reading[str](value=source.value, at=at, source=source.value, problem=problem)

    def _reading(self, entry: _Entry) -> Reading[Any]:
        source = entry.topic.source.value
        return Reading[Any](value=entry.value, at=entry.at, source=source, problem=entry.problem)

    def _poll(self, source: Source) -> None:
        backend: Backend | None = None
        while True:
            topic = self._next(source)
            if topic is None:
                return
            try:
                backend = backend or self._connect()
                value = topic.load(backend)
            except BackendError as error:
                pause = error.retry_after if isinstance(error, RemoteUnavailable) else None
                self._record(topic, problem=str(error), pause=pause or 0.0)
            except Exception as error:
                log.exception("cannot read %s", topic.key)
                self._record(topic, problem=f"{source} answered unexpectedly: {error}")
            else:
                self._record(topic, value=value)

    def _next(self, source: Source) -> Topic[Any] | None:
        """Wait until a topic of this source is due; None when the console stops."""
        with self._changed:
            while not self._stopping:
                now = time.monotonic()
                self._forget_idle(now)
                mine = [e for e in self._entries.values() if e.topic.source is source]
                entry = min(mine, key=lambda e: e.due, default=None)
                if entry is not None and entry.due <= now:
                    entry.due = now + entry.topic.every
                    return entry.topic
                self._changed.wait(None if entry is None else min(60.0, entry.due - now))
            return None

    def _forget_idle(self, now: float) -> None:
        idle = [
            key
            for key, entry in self._entries.items()
            if not entry.topic.pinned and now - entry.wanted > FORGET_AFTER_SECONDS
        ]
        for key in idle:
            del self._entries[key]

    def _record(self, topic: Topic[Any], *, value: object = None, problem: str = "", pause: float = 0.0) -> None:
        """What came of a load. A source that says when it answers again is left alone until then, in all its topics."""
        with self._changed:
            entry = self._entries.get(topic.key)
            if entry is None:
                return
            self._due_again(
                entry, soon=bool(problem) or topic.unsettled(value), within=RETRY_SECONDS if problem else SOON_SECONDS
            )
            if problem:
                for other in self._entries.values():
                    if pause and other.topic.source is topic.source:
                        other.due = max(other.due, time.monotonic() + pause)
                self._failed(entry, problem)
                return
            self._answered(entry, value)
        if topic.kept:
            self._persist(topic, value, entry.at)

    @staticmethod
    def _due_again(entry: _Entry, *, soon: bool, within: float) -> None:
        """When it is loaded next; at once if that was asked for while this load was under way, which began before."""
        if entry.due != NOW:
            every = entry.topic.every
            entry.due = time.monotonic() + (min(every, within) if soon else every)

    def _answered(self, entry: _Entry, value: object) -> None:
        if entry.problem or entry.at is None or entry.value != value:
            entry.version += 1
        entry.value, entry.at, entry.problem = value, self._clock(), ""

    def _failed(self, entry: _Entry, problem: str) -> None:
        if entry.problem != problem:
            entry.version += 1
        entry.problem = problem

    def _file(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"

    def _persist(self, topic: Topic[Any], value: object, at: datetime | None) -> None:
        path = self._file(topic.key)
        body = {
            "key": topic.key,
            "at": at.isoformat() if at else None,
            "value": topic.kind.dump_python(value, mode="json"),
        }
        partial = path.with_suffix(f".{threading.get_ident()}.partial")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(body))
            partial.replace(path)
        except OSError as error:
            log.warning("cannot keep %s for the next start: %s", topic.key, error)

    def _restored(self, topic: Topic[T]) -> _Entry:
        """An entry with what an earlier start of the console last knew, if that can still be read."""
        entry = _Entry(topic)
        try:
            body = json.loads(self._file(topic.key).read_text())
            value = topic.kind.validate_python(body["value"], strict=False)
            at = datetime.fromisoformat(body["at"])
        except FileNotFoundError:
            return entry
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            log.info("the kept value of %s is of another time and is dropped: %s", topic.key, type(error).__name__)
            return entry
        entry.value, entry.at, entry.version = value, at, 1
        return entry
