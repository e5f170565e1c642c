"""The ledger: append-only rows in a hash chain, written in the transaction of the change they tell of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, literal, or_, select, update

from backend.domain.audit import AuditEntry, ChainReport
from backend.domain.clock import Clock
from backend.domain.ledger_chain import ChainWalk, entry_hash
from backend.errors import CorruptState
from backend.store.database import Database
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
                reason=note.reason,
                before=note.before,
                after=note.after,
                detail=dict(note.detail),
                previous=head.hash,
                hash="",
            )
            entry = entry.model_copy(update={"hash": entry_hash(entry)})
            transaction.execute(
                audit.insert().values(**entry.model_dump(exclude={"detail"}), detail=_dump(entry.detail))
            )
            transaction.execute(update(audit_head).where(audit_head.c.id == 1).values(hash=entry.hash))
            return entry

    def entries(
        self,
        limit: int = 200,
        before: int | None = None,
        subject: str = "",
        actor: str = "",
        since: datetime | None = None,
    ) -> tuple[AuditEntry, ...]:
        """The newest entries first, below sequence `before`; `subject` may end in `*`."""
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
        with self._database.reading() as connection:
            return tuple(_entry(row) for row in connection.execute(query))

    def verify(self) -> ChainReport:
        """Whether the chain holds from the first row to the head, and tells the phases the promotions are in."""
        walk = ChainWalk()
        told: dict[str, str] = {}
        with self._database.reading() as connection:
            for entry in _all(connection):
                problem = _break(walk, entry)
                if problem:
                    return ChainReport(entries=walk.entries, whole=False, problem=problem)
                if entry.subject.startswith("promotion/"):
                    told[entry.subject.removeprefix("promotion/")] = entry.after
            problem = _head_problem(connection, walk) or _phase_problem(connection, told)
        return ChainReport(entries=walk.entries, whole=not problem, problem=problem)

    def stream(self) -> Iterator[AuditEntry]:
        """Every row, oldest first, as of one moment and with few of them in memory; not verified."""
        with self._database.reading() as connection:
            yield from _all(connection)

    def first(self) -> AuditEntry | None:
        with self._database.reading() as connection:
            row = connection.execute(select(audit).order_by(audit.c.sequence).limit(1)).first()
            return None if row is None else _entry(row)

    def told_of(self, endpoint: str, until: datetime) -> tuple[AuditEntry, ...]:
        """Rows of the promotions of an endpoint that began by `until`, and of model versions, oldest first.

        Of such a promotion also what came later: only that shows what was on its way.
        """
        begun = (promotions.c.endpoint == endpoint) & (promotions.c.created_at <= until)
        subjects = select(literal("promotion/").concat(promotions.c.id)).where(begun)
        about = or_(audit.c.subject.in_(subjects), audit.c.subject.startswith("model/"))
        with self._database.reading() as connection:
            rows = connection.execute(select(audit).where(about).order_by(audit.c.sequence))
            return tuple(_entry(row) for row in rows)


def _break(walk: ChainWalk, entry: AuditEntry) -> str:
    return walk.take(entry.sequence, entry.previous, entry.hash, entry_hash(entry))


def _head_problem(connection: Connection, walk: ChainWalk) -> str:
    head = connection.execute(select(audit_head.c.sequence, audit_head.c.hash)).one_or_none()
    return "the head of the ledger is missing" if head is None else walk.end(head.sequence, head.hash)


def _phase_problem(connection: Connection, told: dict[str, str]) -> str:
    stored = {row.id: row.phase for row in connection.execute(select(promotions.c.id, promotions.c.phase))}
    for promotion in sorted(stored.keys() | told.keys()):
        here, ledger = stored.get(promotion, "missing"), told.get(promotion, "missing")
        if here != ledger:
            return f"promotion {promotion} is {here} in its table and {ledger} in the ledger"
    return ""


def _all(connection: Connection) -> Iterator[AuditEntry]:
    rows = connection.execution_options(yield_per=_BATCH).execute(select(audit).order_by(audit.c.sequence))
    return (_entry(row) for row in rows)


def _dump(detail: Detail) -> str:
    return json.dumps(dict(detail), sort_keys=True, ensure_ascii=False)


def _entry(row: Row[tuple[object, ...]]) -> AuditEntry:
    fields = dict(row._mapping)
    return AuditEntry.model_validate({**fields, "detail": json.loads(fields["detail"])})
