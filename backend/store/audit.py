"""The ledger: append-only rows in a hash chain, written in the transaction of the change they tell of."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, Select, literal, or_, select, update

from backend.domain.audit import AuditEntry, AuditKind, ChainReport, kind_of
from backend.domain.clock import Clock
from backend.domain.ledger_chain import ChainWalk, entry_hash
from backend.errors import CorruptState
from backend.store.database import Database, storable
from backend.store.ledger_records import Told
from backend.store.outbox import tell
from backend.store.tables import audit, audit_head, promotions

Detail = Mapping[str, str | int | float | bool]
_BATCH = 1000


@dataclass(frozen=True)
class Note:
    """What a change writes into the ledger beside itself."""

    actor: str
    channel: str
    action: str
    subject: str
    reason: str = ""
    before: str = ""
    after: str = ""
    detail: Detail = field(default_factory=dict)


class Audit:
    """Reading and appending; nothing here changes or deletes a row."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def append(self, note: Note, within: Connection | None = None) -> AuditEntry:
        with self._database.writing(within) as transaction:
            head = transaction.execute(
                update(audit_head)
                .where(audit_head.c.id == 1)
                .values(sequence=audit_head.c.sequence + 1)
                .returning(audit_head.c.sequence, audit_head.c.hash)
            ).one_or_none()
            if head is None:
                raise CorruptState(
                    "the ledger has no head row, so nothing can be appended; restore the database from a backup"
                )
            entry = AuditEntry(
                sequence=head.sequence,
                at=self._clock(),
                actor=note.actor,
                channel=note.channel,
                action=note.action,
                subject=note.subject,
                reason=storable(note.reason),
                before=storable(note.before),
                after=storable(note.after),
                detail=dict(note.detail),
                previous=head.hash,
                hash="",
            )
            entry = entry.model_copy(update={"hash": entry_hash(entry)})
            transaction.execute(
                audit.insert().values(
                    **entry.model_dump(exclude={"detail"}), detail=_dump(entry.detail), kind=_kind(entry)
                )
            )
            transaction.execute(update(audit_head).where(audit_head.c.id == 1).values(hash=entry.hash))
            tell(entry, transaction)
            return entry

    def append_once(self, note: Note) -> None:
        """Append unless a row of this action about this subject is there."""
        same = (audit.c.subject == note.subject) & (audit.c.action == note.action)
        with self._database.writing() as transaction:
            # Whoever holds the head sees every row that was written before; a second writer waits here.
            transaction.execute(select(audit_head.c.id).with_for_update()).all()
            if transaction.execute(select(audit.c.sequence).where(same).limit(1)).first() is None:
                self.append(note, transaction)

    def entries(
        self,
        limit: int = 200,
        before: int | None = None,
        subject: str = "",
        actor: str = "",
        since: datetime | None = None,
        kinds: Collection[AuditKind] = (),
        actions: Collection[str] = (),
    ) -> tuple[AuditEntry, ...]:
        """The newest entries first, below sequence `before`; `subject` may end in `*`; no kind, no action means all."""
        query = select(audit).order_by(audit.c.sequence.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.sequence < before)
        if subject.endswith("*"):
            query = query.where(audit.c.subject.startswith(subject[:-1], autoescape=True))
        elif subject:
            query = query.where(audit.c.subject == subject)
        if actor:
            query = query.where(audit.c.actor == actor)
        if since is not None:
            query = query.where(audit.c.at >= since)
        if kinds:
            query = query.where(audit.c.kind.in_([kind.value for kind in kinds]))
        if actions:
            query = query.where(audit.c.action.in_(actions))
        with self._database.reading() as connection:
            return tuple(_entry(row) for row in connection.execute(query))

    def verify(self) -> ChainReport:
        """Whether the chain holds from the first row to the head, and tells the records that decisions rest on."""
        walk, told = ChainWalk(), Told()
        with self._database.reading() as connection:
            with closing(_rows(connection)) as rows:
                for row in rows:
                    entry = _entry(row)
                    problem = _break(walk, entry) or _misfiled(entry, row.kind)
                    if problem:
                        return ChainReport(entries=walk.entries, whole=False, problem=problem)
                    told.take(entry)
            problem = _head_problem(connection, walk) or told.problem(connection)
        return ChainReport(entries=walk.entries, whole=not problem, problem=problem)

    def stream(self) -> Iterator[AuditEntry]:
        """Every row, oldest first, as of one moment and with few of them in memory; not verified."""
        with self._database.reading() as connection:
            yield from _all(connection)

    def first(self) -> AuditEntry | None:
        with self._database.reading() as connection:
            row = connection.execute(select(audit).order_by(audit.c.sequence).limit(1)).first()
            return None if row is None else _entry(row)

    def hashes(self, sequences: Collection[int]) -> dict[int, str]:
        """The hashes of these entries; those that are not there are left out."""
        found: dict[int, str] = {}
        wanted = sorted(sequences)
        with self._database.reading() as connection:
            for start in range(0, len(wanted), _BATCH):
                chosen = audit.c.sequence.in_(wanted[start : start + _BATCH])
                rows = connection.execute(select(audit.c.sequence, audit.c.hash).where(chosen))
                found |= {row.sequence: row.hash for row in rows}
        return found

    def untold(self, subject: str, digests: Collection[str]) -> frozenset[str]:
        """Which of these digests of evidence no row about the subject tells of."""
        frozen = audit.c.action.startswith("evidence.") & audit.c.after.in_(sorted(digests))
        with self._database.reading() as connection:
            rows = connection.execute(select(audit.c.after).where(audit.c.subject == subject, frozen))
            return frozenset(digests) - frozenset(rows.scalars())

    def last_before(self, moment: datetime, apart_from: str) -> AuditEntry | None:
        """The newest entry written before `moment` whose subject does not begin with `apart_from`."""
        chosen = (audit.c.at < moment) & ~audit.c.subject.startswith(apart_from, autoescape=True)
        return self._newest(select(audit).where(chosen))

    def last_of_ended(self, endpoint: str) -> AuditEntry | None:
        """The last entry of the promotion of an endpoint that ended last."""
        ended = (promotions.c.endpoint == endpoint) & promotions.c.finished_at.is_not(None)
        latest = select(promotions.c.id).where(ended).order_by(promotions.c.finished_at.desc()).limit(1)
        subject = literal("promotion/").concat(latest.scalar_subquery())
        return self._newest(select(audit).where(audit.c.subject == subject))

    def _newest(self, query: Select[tuple[object, ...]]) -> AuditEntry | None:
        with self._database.reading() as connection:
            row = connection.execute(query.order_by(audit.c.sequence.desc()).limit(1)).first()
            return None if row is None else _entry(row)

    def told_of(self, endpoint: str, until: datetime) -> tuple[AuditEntry, ...]:
        """Rows of an endpoint's promotions that began by `until`, of model versions and of events, oldest first.

        Of such a promotion also what came later: only that shows what was on its way.
        """
        begun = (promotions.c.endpoint == endpoint) & (promotions.c.created_at <= until)
        subjects = select(literal("promotion/").concat(promotions.c.id)).where(begun)
        about = or_(
            audit.c.subject.in_(subjects), audit.c.subject.startswith("model/"), audit.c.subject.startswith("event/")
        )
        with self._database.reading() as connection:
            rows = connection.execute(select(audit).where(about).order_by(audit.c.sequence))
            return tuple(_entry(row) for row in rows)


def _kind(entry: AuditEntry) -> str:
    """Beside the row for finding it, not of it: what is hashed is what it is worked out from."""
    return kind_of(entry.action, entry.subject) or ""


def _break(walk: ChainWalk, entry: AuditEntry) -> str:
    return walk.take(entry.sequence, entry.previous, entry.hash, entry_hash(entry))


def _head_problem(connection: Connection, walk: ChainWalk) -> str:
    head = connection.execute(select(audit_head.c.sequence, audit_head.c.hash)).one_or_none()
    return "the head of the ledger is missing" if head is None else walk.end(head.sequence, head.hash)


def _misfiled(entry: AuditEntry, kind: str) -> str:
    """A row under another kind is whole, and yet in no list where a reader would look for it."""
    if kind == _kind(entry):
        return ""
    return f"entry {entry.sequence} is filed under {kind or 'nothing'}, where nobody looks for {entry.action}"


def _rows(connection: Connection) -> Generator[Row[tuple[object, ...]], None, None]:
    """Oldest first. Close it also when done early: on PostgreSQL the rest waits in a cursor of the server."""
    in_order = select(audit).order_by(audit.c.sequence).execution_options(yield_per=_BATCH)
    with connection.execute(in_order) as rows:
        yield from rows


def _all(connection: Connection) -> Iterator[AuditEntry]:
    with closing(_rows(connection)) as rows:
        for row in rows:
            yield _entry(row)


def _dump(detail: Detail) -> str:
    return json.dumps(dict(detail), sort_keys=True, ensure_ascii=False)


def _entry(row: Row[tuple[object, ...]]) -> AuditEntry:
    fields = dict(row._mapping)
    del fields["kind"]
    return AuditEntry.model_validate({**fields, "detail": json.loads(fields["detail"])})
