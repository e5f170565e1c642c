"""What an auditor asks of the ledger: what served when, the whole of it as a file, and its proof."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from pathlib import Path

from backend.domain.audit import ChainReport
from backend.domain.clock import Clock
from backend.domain.serving import ServedAt
from backend.errors import Invalid
from backend.operations import ledger_file
from backend.policy.serving import served_at, served_during
from backend.policy.traffic_story import Story, read
from backend.settings_project import Project
from backend.store import Store

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
HOW = "give a moment such as 2026-11-23T14:05 (UTC), 2026-11-23T14:05+01:00, or a day such as 2026-11-23"


class Auditing:
    """Reads our own records only; nothing here needs a service."""

    def __init__(self, store: Store, project: Project, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def served(self, when: str) -> tuple[ServedAt, ...]:
        """What served production at a moment; for a day alone, at its beginning and after each change in it.

        UTC unless an offset is given. Raises Invalid for what is no moment, or has not been yet.
        """
        start, end = interval(when)
        now = self._clock()
        _refuse_future(start, now, "it is")
        story = self._story(end or start)
        return _answers(story, start, end, now)

    def _story(self, until: datetime) -> Story:
        first = self._store.audit.first()
        begin = () if first is None else (first,)
        return read(chain(begin, self._store.audit.told_of(self._project.endpoint, until)))

    def export(self) -> Iterator[bytes]:
        """The ledger as the lines of a file that proves itself, oldest row first."""
        return ledger_file.lines(self._store.audit.stream(), self._clock())

    def save(self, path: Path) -> int:
        """Write the export to a file, whole or not at all; how many rows it has."""
        count = 0

        def counted() -> Iterable[bytes]:
            nonlocal count
            for line in self.export():
                count += 1
                yield line

        ledger_file.write(path, counted())
        return count - 1


def served_by_file(path: Path, when: str) -> tuple[ServedAt, ...]:
    """As `Auditing.served`, from an exported ledger alone. Raises Invalid where the file is not whole."""
    start, end = interval(when)
    report = verified_file(path)
    if not report.whole:
        raise Invalid(f"{path.name} is not whole: {report.problem}. Nothing can be answered from it.")
    rows = ledger_file.Rows(path)
    story = read(rows)
    until = rows.made or start
    _refuse_future(start, until, f"{path.name} was made at")
    return _answers(story, start, end, until)


def verified_file(path: Path) -> ChainReport:
    """Whether an exported ledger is whole, and which row is the first that is not."""
    return ledger_file.verify(path)


def _answers(story: Story, start: datetime, end: datetime | None, now: datetime) -> tuple[ServedAt, ...]:
    """A day that is not over ends with what has happened by now."""
    if end is None:
        return (served_at(story, start),)
    return served_during(story, start, min(end, now + timedelta.resolution))


def interval(when: str) -> tuple[datetime, datetime | None]:
    """A moment, or the beginning and the end of a day; in UTC. Raises Invalid for anything else."""
    text = when.strip()
    try:
        if _DAY.fullmatch(text):
            start = datetime.combine(date.fromisoformat(text), time(), UTC)
            return start, start + timedelta(days=1)
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)), None
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{text[:60]!r} is no moment: {HOW}.") from error


def _refuse_future(start: datetime, now: datetime, what: str) -> None:
    if start > now:
        raise Invalid(f"{start:%Y-%m-%d %H:%M:%S} UTC has not been recorded: {what} {now:%Y-%m-%d %H:%M:%S} UTC.")
