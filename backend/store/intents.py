"""Wishes about pull requests, recorded by a click and performed by the worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, exists, func, or_, select, update

from backend.domain.clock import Clock
from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.errors import Conflict, NotFound
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.idempotency import same_request
from backend.store.tables import intents

_CLICK = ("kind", "pull_request", "head_sha", "actor", "reason")
_MERGING = (IntentKind.MERGE.value, IntentKind.APPROVE_AND_MERGE.value)
_HIDDEN = {"attempt", "fence", "lease_until", "due_at"}


@dataclass(frozen=True)
class ClaimedIntent:
    """An intent under this worker's lease; `attempt` counts the tries before this one."""

    intent: Intent
    attempt: int
    fence: int


class Intents:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def record(self, intent: Intent, channel: str) -> Intent:
        """Record a wish once; raises Conflict if its key was used for another, or one is already being performed."""
        with self._database.writing() as transaction:
            existing = self._find(transaction, intent.id)
            if existing is not None:
                same_request(existing, intent, _CLICK)
                return existing
            self._refuse_second(transaction, intent)
            values = intent.model_dump(exclude={"kind", "state"}) | {
                "kind": intent.kind.value,
                "state": intent.state.value,
            }
            transaction.execute(
                intents.insert().values(**values, attempt=0, fence=0, lease_until=None, due_at=intent.created_at)
            )
            self._audit.append(_note(intent, channel, "", intent.actor), transaction)
            return intent

    def _refuse_second(self, transaction: Connection, wanted: Intent) -> None:
        chosen = (intents.c.pull_request == wanted.pull_request) & intents.c.finished_at.is_(None)
        for row in transaction.execute(select(intents).where(chosen)):
            other = _intent(row)
            if (other.actor, other.kind) == (wanted.actor, wanted.kind):
                raise Conflict(
                    f"“{other.kind.value}” by {other.actor} is already being performed on #{other.pull_request}.",
                    expected="nothing pending",
                    actual=other.id,
                )

    def get(self, intent_id: str) -> Intent:
        with self._database.reading() as connection:
            found = self._find(connection, intent_id)
        if found is None:
            raise NotFound(f"There is no request {intent_id!r}.")
        return found

    def of_pull_request(self, number: int) -> tuple[Intent, ...]:
        """Newest first."""
        query = select(intents).where(intents.c.pull_request == number).order_by(intents.c.created_at.desc())
        with self._database.reading() as connection:
            return tuple(_intent(row) for row in connection.execute(query))

    def claim(self, lease_seconds: float) -> ClaimedIntent | None:
        """Take the wish that has waited longest, with a lease and a raised fence; one merge at a time."""
        now = self._clock()
        free = or_(intents.c.lease_until.is_(None), intents.c.lease_until < now)
        other = intents.alias()
        merging = exists().where(other.c.kind.in_(_MERGING), other.c.finished_at.is_(None), other.c.lease_until >= now)
        due = (
            select(intents.c.id)
            .where(
                intents.c.finished_at.is_(None),
                intents.c.due_at <= now,
                free,
                or_(intents.c.kind.not_in(_MERGING), ~merging),
            )
            .order_by(intents.c.due_at)
            .limit(1)
            .scalar_subquery()
        )
        with self._database.reading() as connection:
            if connection.execute(select(intents.c.id).where(intents.c.id == due)).first() is None:
                return None
        with self._database.writing() as transaction:
            row = transaction.execute(
                update(intents)
                .where(intents.c.id == due)
                .values(lease_until=now + timedelta(seconds=lease_seconds), fence=intents.c.fence + 1)
                .returning(*intents.c)
            ).one_or_none()
            if row is None:
                return None
            fields = row._mapping
            return ClaimedIntent(intent=_intent(row), attempt=fields["attempt"], fence=fields["fence"])

    def finish(self, claimed: ClaimedIntent, state: IntentState, outcome: str) -> None:
        """Record how it went; a worker that lost its lease changes nothing."""
        now = self._clock()
        done = claimed.intent.model_copy(update={"state": state, "outcome": outcome, "finished_at": now})
        with self._database.writing() as transaction:
            changed = transaction.execute(
                update(intents)
                .where(intents.c.id == done.id, intents.c.fence == claimed.fence, intents.c.finished_at.is_(None))
                .values(state=state.value, outcome=outcome, finished_at=now, lease_until=None)
            )
            if changed.rowcount == 1:
                self._audit.append(_note(done, "worker", claimed.intent.state.value, "worker"), transaction)

    def last_merged(self, besides: int) -> datetime | None:
        """When the worker last merged another pull request."""
        query = select(func.max(intents.c.finished_at)).where(
            intents.c.kind.in_(_MERGING),
            intents.c.state == IntentState.SUCCEEDED.value,
            intents.c.pull_request != besides,
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def postpone(self, claimed: ClaimedIntent, seconds: float, why: str, *, counts: bool = True) -> None:
        """Give the lease back and look again later; the wait is shown, the state of the wish is unchanged.

        `counts` is whether this was a try.
        """
        with self._database.writing() as transaction:
            transaction.execute(
                update(intents)
                .where(intents.c.id == claimed.intent.id, intents.c.fence == claimed.fence)
                .values(
                    outcome=why,
                    attempt=claimed.attempt + counts,
                    lease_until=None,
                    due_at=self._clock() + timedelta(seconds=seconds),
                )
            )

    def _find(self, connection: Connection, intent_id: str) -> Intent | None:
        row = connection.execute(select(intents).where(intents.c.id == intent_id)).first()
        return None if row is None else _intent(row)


def _intent(row: Row[tuple[object, ...]]) -> Intent:
    return Intent.model_validate({name: value for name, value in row._mapping.items() if name not in _HIDDEN})


def _note(intent: Intent, channel: str, before: str, actor: str) -> Note:
    return Note(
        actor=actor,
        channel=channel,
        action=f"review.{intent.kind.value.replace(' ', '_')}",
        subject=f"pull_request/{intent.pull_request}",
        reason=intent.outcome or intent.reason,
        before=before,
        after=intent.state.value,
        detail={"head_sha": intent.head_sha, "intent": intent.id, "asked_by": intent.actor},
    )
