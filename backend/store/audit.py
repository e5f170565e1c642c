"""The ledger: append-only rows in a hash chain, written in the transaction of the change they tell of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, or_, select, update

from backend.domain.audit import AuditEntry, AuditKind, ChainReport
from backend.domain.clock import Clock
from backend.errors import CorruptState
from backend.store.database import Database, storable
from backend.store.tables import audit, audit_head, promotions

Detail = Mapping[str, str | int | float | bool]
_BATCH = 1000

_SUBJECTS = {
    AuditKind.PULL_REQUESTS: ("pull_request/",),
    AuditKind.MODELS: ("model/",),
    AuditKind.PROMOTIONS: ("promotion/", "endpoint/", "deployment/"),
    AuditKind.STEPS: ("promotion/",),
    AuditKind.PROGRESS: ("promotion/",),
    AuditKind.RUNS: ("run/",),
    AuditKind.SETUP: ("setup/",),
    AuditKind.PEOPLE: ("person/",),
}
_ACTIONS = {
    AuditKind.STEPS: audit.c.action.startswith("step."),
    AuditKind.PROGRESS: audit.c.action.in_(("promotion.pending", "promotion.running", "promotion.waiting")),
}


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


def entry_hash(entry: AuditEntry) -> str:
    """sha256 over the canonical JSON of every field but `hash`."""
    body = entry.model_dump(mode="json", exclude={"hash"})
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


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
        kinds: Collection[AuditKind] = (),
    ) -> tuple[AuditEntry, ...]:
        """The newest entries first, below sequence `before`; `subject` may end in `*`, no kind means all."""
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
            query = query.where(or_(*map(_concerns, kinds)))
        with self._database.reading() as connection:
            return tuple(_entry(row) for row in connection.execute(query))

    def verify(self) -> ChainReport:
        """Whether the chain holds from the first row to the head, and tells the phases the promotions are in."""
        count, previous = 0, ""
        told: dict[str, str] = {}
        in_order = select(audit).order_by(audit.c.sequence).execution_options(yield_per=_BATCH)
        with self._database.reading() as connection:
            # Closed at the first broken entry too: on PostgreSQL the rest waits in a cursor of the server.
            with connection.execute(in_order) as rows:
                for row in rows:
                    count += 1
                    entry = _entry(row)
                    problem = _break(entry, count, previous)
                    if problem:
                        return ChainReport(entries=count, whole=False, problem=problem)
                    previous = entry.hash
                    if entry.subject.startswith("promotion/"):
                        told[entry.subject.removeprefix("promotion/")] = entry.after
            problem = _head_problem(connection, count, previous) or _phase_problem(connection, told)
        return ChainReport(entries=count, whole=not problem, problem=problem)


def _concerns(kind: AuditKind) -> ColumnElement[bool]:
    about = or_(*(audit.c.subject.startswith(prefix, autoescape=True) for prefix in _SUBJECTS[kind]))
    if kind is AuditKind.PROMOTIONS:
        return about & ~or_(*_ACTIONS.values())
    return about & _ACTIONS[kind] if kind in _ACTIONS else about


def _break(entry: AuditEntry, expected: int, previous: str) -> str:
    if entry.sequence != expected:
        return f"entry {expected} is missing: the next one found is {entry.sequence}"
    if entry.previous != previous:
        return f"entry {entry.sequence} does not follow from entry {expected - 1}"
    if entry_hash(entry) != entry.hash:
        return f"entry {entry.sequence} was changed after it was written"
    return ""


def _head_problem(connection: Connection, count: int, last: str) -> str:
    head = connection.execute(select(audit_head.c.sequence, audit_head.c.hash)).one_or_none()
    if head is None:
        return "the head of the ledger is missing"
    if (head.sequence, head.hash) != (count, last):
        return f"the ledger ends at entry {count}, but {head.sequence} were written"
    return ""


def _phase_problem(connection: Connection, told: dict[str, str]) -> str:
    stored = {row.id: row.phase for row in connection.execute(select(promotions.c.id, promotions.c.phase))}
    for promotion in sorted(stored.keys() | told.keys()):
        here, ledger = stored.get(promotion, "missing"), told.get(promotion, "missing")
        if here != ledger:
            return f"promotion {promotion} is {here} in its table and {ledger} in the ledger"
    return ""


def _dump(detail: Detail) -> str:
    return json.dumps(dict(detail), sort_keys=True, ensure_ascii=False)


def _entry(row: Row[tuple[object, ...]]) -> AuditEntry:
    fields = dict(row._mapping)
    return AuditEntry.model_validate({**fields, "detail": json.loads(fields["detail"])})
