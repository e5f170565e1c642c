"""Retrainings that were proposed, what people said to them, and what came of it."""

from __future__ import annotations

from sqlalchemy import Connection, Row, select, update

from backend.domain.clock import Clock
from backend.domain.people import WORKER, Actor
from backend.domain.retraining import Proposal, ProposalState
from backend.errors import Conflict, NotFound
from backend.store.audit import Audit, Note
from backend.store.behaviour_tables import retraining_proposals as proposals
from backend.store.database import Database


class Retrainings:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def propose(self, wanted: Proposal) -> bool:
        """Record a proposal; False, and nothing, where one is open or this one is known."""
        with self._database.writing() as transaction:
            known = self._of(transaction, wanted.endpoint, 1)
            if any(one.state.open or one.id == wanted.id for one in known):
                return False
            values = wanted.model_dump() | {"state": wanted.state.value, "trigger": wanted.trigger.value}
            transaction.execute(proposals.insert().values(**values))
            self._tell(transaction, wanted, WORKER, "proposed", wanted.why, "")
            return True

    def decide(self, proposal_id: str, actor: Actor, state: ProposalState, reason: str) -> Proposal:
        """Accept or dismiss; the same click twice is one. Raises NotFound, or Conflict where that was decided."""
        with self._database.writing() as transaction:
            now = self._get(transaction, proposal_id)
            if (now.state, now.decided_by, now.reason) == (state, actor.name, reason):
                return now
            if now.state is not ProposalState.PROPOSED:
                raise Conflict(
                    f"This retraining was {now.state.value} already, by {now.decided_by or 'the worker'}.",
                    expected=ProposalState.PROPOSED.value,
                    actual=now.state.value,
                )
            after = now.model_copy(
                update={"state": state, "decided_by": actor.name, "decided_at": self._clock(), "reason": reason}
            )
            self._write(transaction, after)
            self._tell(transaction, after, actor, state.value, reason, now.state.value)
            return after

    def accepted(self) -> Proposal | None:
        """One that a person has accepted and nobody has started."""
        chosen = proposals.c.state == ProposalState.ACCEPTED.value
        with self._database.reading() as connection:
            row = connection.execute(select(proposals).where(chosen).order_by(proposals.c.decided_at)).first()
            return None if row is None else _proposal(row)

    def end(self, proposal: Proposal, state: ProposalState, outcome: str) -> None:
        """Record what became of an accepted one; one that was ended before stays as it is."""
        with self._database.writing() as transaction:
            now = self._get(transaction, proposal.id)
            if now.state is ProposalState.ACCEPTED:
                after = now.model_copy(update={"state": state, "outcome": outcome})
                self._write(transaction, after)
                self._tell(transaction, after, WORKER, state.value, outcome, now.state.value)

    def newest(self, endpoint: str, most: int = 20) -> tuple[Proposal, ...]:
        """The newest first."""
        with self._database.reading() as connection:
            return self._of(connection, endpoint, most)

    def get(self, proposal_id: str) -> Proposal:
        with self._database.reading() as connection:
            return self._get(connection, proposal_id)

    def _of(self, connection: Connection, endpoint: str, most: int) -> tuple[Proposal, ...]:
        mine = select(proposals).where(proposals.c.endpoint == endpoint)
        query = mine.order_by(proposals.c.proposed_at.desc()).limit(most)
        return tuple(_proposal(row) for row in connection.execute(query))

    def _get(self, connection: Connection, proposal_id: str) -> Proposal:
        row = connection.execute(select(proposals).where(proposals.c.id == proposal_id)).first()
        if row is None:
            raise NotFound(f"There is no proposed retraining {proposal_id!r}.")
        return _proposal(row)

    def _write(self, transaction: Connection, after: Proposal) -> None:
        values = after.model_dump(include={"decided_by", "decided_at", "reason", "outcome"})
        chosen = proposals.c.id == after.id
        transaction.execute(update(proposals).where(chosen).values(**values, state=after.state.value))

    def _tell(
        self, transaction: Connection, proposal: Proposal, actor: Actor, what: str, reason: str, before: str
    ) -> None:
        self._audit.append(
            Note(
                actor=actor.name,
                channel=actor.channel,
                action=f"retraining.{what}",
                subject=f"endpoint/{proposal.endpoint}",
                reason=reason,
                before=before,
                after=proposal.state.value,
                detail={"proposal": proposal.id, "version": proposal.version, "trigger": proposal.trigger.value},
            ),
            transaction,
        )


def _proposal(row: Row[tuple[object, ...]]) -> Proposal:
    return Proposal.model_validate(dict(row._mapping))
