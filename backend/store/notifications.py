"""What people are told of, who has read it, and the outbox of what is sent to targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from backend.domain.clock import Clock
from backend.domain.notifications import Notification, NotificationKind, Sending, SendingState
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.notice_tables import notification_reads, notifications, sendings

MOST = 500
_COLUMNS = [column for column in notifications.c if column.name != "handed_at"]
Wanted = Mapping[str, Collection[NotificationKind]]
"""Targets by name, with the kinds that each is told of."""


class Notifications:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def of(self, actor: str, kinds: Collection[NotificationKind], limit: int = MOST) -> tuple[Notification, ...]:
        """The newest of these kinds; what a person did themselves counts as read by them."""
        mine = and_(notification_reads.c.sequence == notifications.c.sequence, notification_reads.c.actor == actor)
        read = or_(notification_reads.c.actor.is_not(None), notifications.c.actor == actor)
        query = (
            select(*_COLUMNS, read.label("read"))
            .outerjoin(notification_reads, mine)
            .where(notifications.c.kind.in_(sorted(kinds)))
            .order_by(notifications.c.sequence.desc())
            .limit(min(limit, MOST))
        )
        with self._database.reading() as connection:
            return tuple(Notification.model_validate(dict(row._mapping)) for row in connection.execute(query))

    def unread(self, actor: str, kinds: Collection[NotificationKind], among: int) -> int:
        """How many of the newest of these kinds this person has neither read nor done."""
        newest = (
            select(notifications.c.sequence, notifications.c.actor)
            .where(notifications.c.kind.in_(sorted(kinds)))
            .order_by(notifications.c.sequence.desc())
            .limit(among)
            .subquery()
        )
        mine = (notification_reads.c.sequence == newest.c.sequence) & (notification_reads.c.actor == actor)
        query = select(func.count()).select_from(newest).where(newest.c.actor != actor, ~select(1).where(mine).exists())
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def mark_read(self, actor: str, sequences: Collection[int]) -> None:
        """Repeating it changes nothing; a number of no notification is passed over."""
        with self._database.writing() as transaction:
            there = select(notifications.c.sequence).where(notifications.c.sequence.in_(sorted(sequences)))
            known = set(transaction.execute(there).scalars())
            mine = (notification_reads.c.actor == actor) & notification_reads.c.sequence.in_(sorted(known))
            known -= set(transaction.execute(select(notification_reads.c.sequence).where(mine)).scalars())
            for sequence in sorted(known):
                values = {"actor": actor, "sequence": sequence, "at": self._clock()}
                transaction.execute(notification_reads.insert().values(**values))

    def hand_over(self, targets: Wanted) -> int:
        """Address what is new to the targets of now: each gets a notification once, and none from before it was."""
        now = self._clock()
        fresh = select(notifications.c.sequence, notifications.c.kind).where(notifications.c.handed_at.is_(None))
        with self._database.reading() as connection:
            if connection.execute(fresh.limit(1)).first() is None:
                return 0
        with self._database.writing() as transaction:
            rows = transaction.execute(fresh.order_by(notifications.c.sequence).limit(MOST)).all()
            for row in rows:
                chosen = notifications.c.sequence == row.sequence
                transaction.execute(update(notifications).where(chosen).values(handed_at=now))
                for name in sorted(name for name, kinds in targets.items() if row.kind in kinds):
                    waiting = {"state": SendingState.WAITING.value, "attempts": 0, "next_at": now, "outcome": ""}
                    transaction.execute(sendings.insert().values(sequence=row.sequence, target=name, **waiting))
            return len(rows)

    def claim(self, lease: timedelta) -> tuple[Notification, Sending] | None:
        """The one that is due longest; nobody else takes it until the lease has ended."""
        now = self._clock()
        due = (sendings.c.state == SendingState.WAITING.value) & (sendings.c.next_at <= now)
        first = select(sendings).where(due).order_by(sendings.c.next_at, sendings.c.sequence).limit(1)
        with self._database.reading() as connection:
            if connection.execute(first).first() is None:
                return None
        with self._database.writing() as transaction:
            row = transaction.execute(first.with_for_update()).first()
            if row is None:
                return None
            taken = {"attempts": row.attempts + 1, "next_at": now + lease}
            transaction.execute(update(sendings).where(_one(row.sequence, row.target)).values(**taken))
            sending = Sending.model_validate({**row._mapping, **taken})
            of = transaction.execute(select(*_COLUMNS).where(notifications.c.sequence == row.sequence)).one()
            return Notification.model_validate(dict(of._mapping)), sending

    def settle(self, sending: Sending, outcome: str, again: datetime | None, *, sent: bool) -> None:
        """What an attempt came to. Given up is told in the ledger. An attempt that was overtaken settles nothing."""
        state = SendingState.SENT if sent else SendingState.DEAD if again is None else SendingState.WAITING
        now = self._clock()
        values: dict[str, object] = {"state": state.value, "outcome": outcome}
        values |= {"next_at": again or now, "finished_at": None if state is SendingState.WAITING else now}
        mine = _one(sending.sequence, sending.target) & (sendings.c.attempts == sending.attempts)
        with self._database.writing() as transaction:
            waiting = sendings.c.state == SendingState.WAITING.value
            done = transaction.execute(update(sendings).where(mine & waiting).values(**values))
            if done.rowcount and state is SendingState.DEAD:
                self._audit.append(_note("worker", "worker", "undelivered", sending, outcome), transaction)

    def send_again(self, sequence: int, target: str, actor: str, channel: str) -> Sending | None:
        """Take a given-up one up again from its first attempt; None where it was not given up."""
        now = self._clock()
        dead = _one(sequence, target) & (sendings.c.state == SendingState.DEAD.value)
        values = {"state": SendingState.WAITING.value, "attempts": 0, "next_at": now, "finished_at": None}
        with self._database.writing() as transaction:
            row = transaction.execute(update(sendings).where(dead).values(**values).returning(*sendings.c)).first()
            if row is None:
                return None
            sending = Sending.model_validate(dict(row._mapping))
            self._audit.append(_note(actor, channel, "sent_again", sending, ""), transaction)
            return sending

    def counts(self) -> Mapping[tuple[str, SendingState], int]:
        """How many there are of each state, by target."""
        query = select(sendings.c.target, sendings.c.state, func.count()).group_by(sendings.c.target, sendings.c.state)
        with self._database.reading() as connection:
            return {(target, SendingState(state)): int(number) for target, state, number in connection.execute(query)}

    def dead(self) -> tuple[Sending, ...]:
        """What was given up, newest first."""
        query = select(sendings).where(sendings.c.state == SendingState.DEAD.value)
        query = query.order_by(sendings.c.finished_at.desc()).limit(MOST)
        with self._database.reading() as connection:
            return tuple(Sending.model_validate(dict(row._mapping)) for row in connection.execute(query))


def _one(sequence: int, target: str) -> ColumnElement[bool]:
    return (sendings.c.sequence == sequence) & (sendings.c.target == target)


def _note(actor: str, channel: str, what: str, sending: Sending, reason: str) -> Note:
    subject = f"notification/{sending.sequence}/{sending.target}"
    return Note(actor=actor, channel=channel, action=f"notification.{what}", subject=subject, reason=reason)
