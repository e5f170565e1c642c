"""Outcomes of answers: imported once, matched with what was answered, counted against all that was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from backend.domain.behaviour import Outcome
from backend.domain.clock import Clock
from backend.domain.labels import Imported, Label
from backend.domain.production_flips import CollectedRow
from backend.store.audit import Audit, Note
from backend.store.behaviour_tables import answered_hours as hours
from backend.store.behaviour_tables import labels
from backend.store.database import Database

TOGETHER = 500
"""Labels in one statement: both databases take so many parameters."""


def batched(found: Sequence[Label], size: int) -> Iterator[Sequence[Label]]:
    """The same in parts (itertools has this from Python 3.12 on)."""
    return (found[start : start + size] for start in range(0, len(found), size))


def _values(label: Label, now: datetime) -> dict[str, object]:
    return {
        "request": label.request,
        "row": label.row,
        "ill": label.ill,
        "imported_at": now,
        "version": "",
        "bands": "[]",
    }


class Labels:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def take_in(self, found: Sequence[Label], note: Note) -> Imported:
        """Record outcomes that are not known yet, and count; a corrected one replaces the old. One ledger row, if any.

        The same file twice changes nothing and writes nothing.
        """
        now, added, changed, known = self._clock(), 0, 0, 0
        with self._database.writing() as transaction:
            for part in batched(found, TOGETHER):
                before = self._known(transaction, part)
                new = [one for one in part if (one.request, one.row) not in before]
                other = [one for one in part if before.get((one.request, one.row), one.ill) != one.ill]
                if new:
                    transaction.execute(labels.insert(), [_values(one, now) for one in new])
                for one in other:
                    mine = (labels.c.request == one.request) & (labels.c.row == one.row)
                    transaction.execute(update(labels).where(mine).values(ill=one.ill, imported_at=now))
                added, changed = added + len(new), changed + len(other)
                known += len(part) - len(new) - len(other)
            told = Imported(rows=len(found), added=added, changed=changed, known=known)
            if added or changed:
                counts = told.model_dump()
                self._audit.append(Note(**{**vars(note), "detail": {**note.detail, **counts}}), transaction)
            return told

    def _known(self, transaction: Connection, part: Sequence[Label]) -> dict[tuple[str, int], bool]:
        chosen = labels.c.request.in_([one.request for one in part])
        rows = transaction.execute(select(labels.c.request, labels.c.row, labels.c.ill).where(chosen))
        return {(row.request, row.row): row.ill for row in rows}

    def waiting_since(self) -> datetime | None:
        """When the newest label that has no answer yet, and was not searched everywhere, came in."""
        query = select(func.max(labels.c.imported_at)).where(
            labels.c.answered_at.is_(None), labels.c.searched_at.is_(None)
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def match(self, endpoint: str, hour: datetime, rows: Mapping[str, Iterable[CollectedRow]]) -> int:
        """Give labels the answers of one hour, by version, and count those; how many labels found theirs."""
        found = 0
        with self._database.writing() as transaction:
            mine = (hours.c.endpoint == endpoint) & (hours.c.hour == hour)
            transaction.execute(hours.delete().where(mine))
            for version, answers in (rows or {"": ()}).items():
                kept = list(answers)
                found += self._give(transaction, version, kept)
                transaction.execute(
                    hours.insert().values(
                        endpoint=endpoint, hour=hour, version=version, rows=len(kept), read_at=self._clock()
                    )
                )
        return found

    def _give(self, transaction: Connection, version: str, rows: Sequence[CollectedRow]) -> int:
        waiting = labels.c.answered_at.is_(None)
        if transaction.execute(select(labels.c.request).where(waiting).limit(1)).first() is None:
            return 0
        found = 0
        for row in rows:
            if not row.request or row.at is None:
                continue
            mine = (labels.c.request == row.request) & (labels.c.row == row.row) & waiting
            done = transaction.execute(
                update(labels)
                .where(mine)
                .values(
                    answered_at=row.at,
                    version=version,
                    probability=row.probability,
                    positive=row.positive,
                    bands=json.dumps(row.bands),
                )
            )
            found += done.rowcount
        return found

    def hours_read(self, endpoint: str) -> dict[datetime, datetime]:
        """When each hour was last read."""
        mine = select(hours.c.hour, hours.c.read_at).where(hours.c.endpoint == endpoint)
        with self._database.reading() as connection:
            return {row.hour: row.read_at for row in connection.execute(mine)}

    def searched(self, until: datetime) -> None:
        """Every hour has been read since then: what came in before and found nothing has no answer."""
        gone = labels.c.answered_at.is_(None) & (labels.c.imported_at <= until) & labels.c.searched_at.is_(None)
        with self._database.writing() as transaction:
            transaction.execute(update(labels).where(gone).values(searched_at=self._clock()))

    def outcomes(self, version: str, since: datetime) -> tuple[Outcome, ...]:
        """Answers of a version since then whose outcome is known, the oldest first."""
        chosen = (labels.c.version == version) & (labels.c.answered_at >= since)
        query = select(labels).where(chosen).order_by(labels.c.answered_at, labels.c.request, labels.c.row)
        with self._database.reading() as connection:
            return tuple(
                Outcome(
                    at=row.answered_at,
                    labelled_at=row.imported_at,
                    version=row.version,
                    probability=row.probability,
                    positive=row.positive,
                    ill=row.ill,
                    bands=tuple(json.loads(row.bands)),
                )
                for row in connection.execute(query)
            )

    def counts(self, endpoint: str, version: str, since: datetime) -> tuple[int, int, int]:
        """Answers of the version since then, labels that have none, and labels that still wait for theirs."""
        rows = select(func.coalesce(func.sum(hours.c.rows), 0)).where(
            hours.c.endpoint == endpoint, hours.c.version == version, hours.c.hour >= since
        )
        open_ = labels.c.answered_at.is_(None)
        lost = select(func.count()).select_from(labels).where(open_, labels.c.searched_at.is_not(None))
        waits = select(func.count()).select_from(labels).where(open_, labels.c.searched_at.is_(None))
        with self._database.reading() as connection:
            found = [int(connection.execute(query).scalar_one()) for query in (rows, lost, waits)]
            return found[0], found[1], found[2]

    def forget(self, before: datetime) -> int:
        """Delete outcomes of answers that are older than that, with the counts of their hours; how many outcomes."""
        with self._database.writing() as transaction:
            old = labels.c.answered_at < before
            lost = labels.c.searched_at.is_not(None) & (labels.c.imported_at < before)
            gone = transaction.execute(labels.delete().where(old | lost)).rowcount
            transaction.execute(hours.delete().where(hours.c.hour < before))
            return gone
