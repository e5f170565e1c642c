"""Unexplained events: noticed once, owned, explained; each change with its ledger row in one transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, select, update

from backend.domain.people import WORKER, Actor
from backend.domain.unexplained import PASSING, EventState, Look, Noticed, UnexplainedEvent
from backend.store.audit import Note
from backend.store.owned import Owned
from backend.store.tables import unexplained_events as events

_UNEXPLAINED = (EventState.OPEN.value, EventState.OWNED.value)
_LONGEST = 255


class UnexplainedEvents(Owned[UnexplainedEvent]):
    table, noun = events, "event"

    def take_in(self, look: Look, within: Connection | None = None) -> tuple[UnexplainedEvent, ...]:
        """Record what one look noticed, and resolve what it could vouch for; answers the events that are new.

        The same thing noticed again is the same event until it is resolved; after that it is another one.
        """
        with self._database.writing(within) as transaction:
            new = [event for noticed in look.noticed if (event := self._notice(transaction, noticed)) is not None]
            self._resolve(transaction, look)
            return tuple(new)

    def _notice(self, transaction: Connection, noticed: Noticed) -> UnexplainedEvent | None:
        mine = events.c.fingerprint == noticed.fingerprint
        known = transaction.execute(select(events).where(mine).order_by(events.c.first_seen)).all()
        now = self._clock()
        standing = [row for row in known if row.resolved_at is None]
        if standing:
            if noticed.kind not in PASSING:
                transaction.execute(update(events).where(events.c.id == standing[-1].id).values(last_seen=now))
            return None
        kind = noticed.kind.value.replace(" ", "-")
        event = UnexplainedEvent(
            id=f"{kind}-{noticed.fingerprint}-{len(known) + 1}",
            first_seen=now,
            last_seen=now,
            **noticed.model_dump(),
        )
        values = event.model_dump() | {"kind": event.kind.value, "state": event.state.value}
        values |= {name: str(values[name])[:_LONGEST] for name in ("by", "subject", "reference")}
        transaction.execute(events.insert().values(fingerprint=noticed.fingerprint, **values))
        self._tell(transaction, event, WORKER, "event.noticed", event.sentence)
        return event

    def _resolve(self, transaction: Connection, look: Look) -> None:
        """A condition that was looked for and not found is as it should be again. Nothing is closed by that."""
        seen = {noticed.fingerprint for noticed in look.noticed}
        standing = events.c.resolved_at.is_(None) & events.c.kind.not_in([kind.value for kind in PASSING])
        for row in transaction.execute(select(events).where(standing)).all():
            event = self._read(row)
            if row.fingerprint in seen or not _vouched(look, event):
                continue
            transaction.execute(update(events).where(events.c.id == event.id).values(resolved_at=self._clock()))
            why = f"{event.subject} is no longer so: {event.actual}"
            self._tell(transaction, event, WORKER, "event.resolved", why, event.state.value)

    def take(self, event_id: str, actor: Actor, reason: str) -> UnexplainedEvent:
        """Make the actor its owner. Taken again by the same person, the first reason stands."""
        with self._database.writing() as transaction:
            event = self._one(transaction, event_id)
            if event.owner == actor.name or event.state is EventState.EXPLAINED:
                return event
            owned = {"state": EventState.OWNED, "owner": actor.name, "owned_because": reason}
            return self._change(transaction, event, owned, actor, "event.taken", reason)

    def attribute(self, event_id: str, by: str, happened_at: datetime | None) -> UnexplainedEvent:
        """Add who did it, where a service tells that later than what was done; the first word stands."""
        with self._database.writing() as transaction:
            event = self._one(transaction, event_id)
            if event.by or not by:
                return event
            known = {"by": by[:_LONGEST], "happened_at": happened_at}
            why = f"the service tells that it was {by}"
            return self._change(transaction, event, known, WORKER, "event.attributed", why)

    def explain(self, event_id: str, actor: Actor, reason: str) -> UnexplainedEvent:
        """Close it with an explanation; the first one stands."""
        with self._database.writing() as transaction:
            event = self._one(transaction, event_id)
            if event.state is EventState.EXPLAINED:
                return event
            said = {"state": EventState.EXPLAINED, "explained_by": actor.name, "explanation": reason}
            return self._change(transaction, event, said, actor, "event.explained", reason)

    def unexplained(self) -> tuple[UnexplainedEvent, ...]:
        """Those that nobody has explained yet, newest first."""
        return self._newest(events.c.state.in_(_UNEXPLAINED))

    def recent(self, limit: int = 100) -> tuple[UnexplainedEvent, ...]:
        """All, newest first."""
        return self._newest(events.c.id != "", limit)

    def _newest(self, chosen: ColumnElement[bool], limit: int = 1000) -> tuple[UnexplainedEvent, ...]:
        return self._many(select(events).where(chosen).order_by(events.c.first_seen.desc(), events.c.id).limit(limit))

    def _read(self, row: Row[tuple[object, ...]]) -> UnexplainedEvent:
        fields: dict[str, object] = dict(row._mapping)
        fields.pop("fingerprint")
        return UnexplainedEvent.model_validate(fields)

    def _tell(
        self, transaction: Connection, found: UnexplainedEvent, actor: Actor, action: str, reason: str, before: str = ""
    ) -> None:
        """The row quotes who did it and the service's own id and time, where it told them."""
        quoted = {"by": found.by, "reference": found.reference}
        if found.happened_at is not None:
            quoted["happened_at"] = found.happened_at.isoformat()
        after = "resolved" if action == "event.resolved" else found.state.value
        self._audit.append(
            Note(
                actor=actor.name,
                channel=actor.channel,
                action=action,
                subject=f"event/{found.id}",
                reason=reason,
                before=before,
                after=after,
                detail={
                    "kind": found.kind.value,
                    "about": found.subject,
                    "expected": found.expected,
                    "actual": found.actual,
                    **{name: value for name, value in quoted.items() if value},
                },
            ),
            transaction,
        )


def _vouched(look: Look, event: UnexplainedEvent) -> bool:
    return any(
        kind is event.kind
        and (event.subject.startswith(subject[:-1]) if subject.endswith("*") else event.subject == subject)
        for kind, subject in look.checked
    )
