"""Findings about the setup: seen once, owned, fixed, in order again; each change with its ledger row."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import Connection, Row, func, select, update

from backend.domain.people import WORKER, Actor
from backend.domain.setup import FindingState, FixState, PlannedResource, SetupFinding, SetupLook
from backend.errors import Conflict
from backend.store.audit import Note
from backend.store.notice_tables import setup_findings as findings
from backend.store.owned import Owned

NEVER_MADE = "there is none yet"
Found = tuple[PlannedResource, FindingState, tuple[str, ...]]


class SetupFindings(Owned[SetupFinding]):
    table, noun = findings, "finding"

    def take_in(self, look: SetupLook, within: Connection | None = None) -> None:
        """Record what one comparison found. What it looked at and did not find is in order again."""
        with self._database.writing(within) as transaction:
            standing = {finding.resource: finding for finding in self._standing(transaction)}
            seen = set()
            for found in look.found:
                seen.add(found[0].key)
                self._see(transaction, found, standing.get(found[0].key))
            for resource, finding in standing.items():
                if resource in look.looked_at - seen:
                    self._settle(transaction, finding)

    def _see(self, transaction: Connection, found: Found, standing: SetupFinding | None) -> None:
        resource, state, lines = found
        now = self._clock()
        if standing is not None and standing.state is state:
            told = {"last_seen": now, "lines": "\n".join(lines)}
            transaction.execute(update(findings).where(findings.c.id == standing.id).values(**told))
            return
        if standing is not None:
            self._settle(transaction, standing)
        earlier = select(func.count()).select_from(findings).where(findings.c.resource == resource.key)
        number = int(transaction.execute(earlier).scalar_one()) + 1
        finding = SetupFinding(
            id=f"setup-{hashlib.sha256(resource.key.encode()).hexdigest()[:12]}-{number}",
            resource=resource.key,
            kind=resource.kind,
            name=resource.name,
            place=resource.where,
            state=state,
            lines=lines,
            first_seen=now,
            last_seen=now,
        )
        values = finding.model_dump() | {"state": state.value, "lines": "\n".join(lines), "fix": finding.fix.value}
        transaction.execute(findings.insert().values(**values))
        self._tell(transaction, finding, WORKER, f"setup.{state.value.replace(' ', '_')}", finding.sentence)

    def _settle(self, transaction: Connection, finding: SetupFinding) -> None:
        transaction.execute(update(findings).where(findings.c.id == finding.id).values(resolved_at=self._clock()))
        ended = f"no longer so: {finding.sentence}"
        self._tell(transaction, finding, WORKER, "setup.in_order", ended)

    def take(self, finding_id: str, actor: Actor, reason: str) -> SetupFinding:
        """Make the actor its owner; taken again by the same person, nothing changes."""
        with self._database.writing() as transaction:
            finding = self._one(transaction, finding_id)
            if finding.owner == actor.name:
                return finding
            return self._change(
                transaction, finding, {"owner": actor.name}, actor, "setup.taken", reason, lease_until=None
            )

    def ask_fix(self, finding_id: str, actor: Actor, reason: str) -> SetupFinding:
        """Record that the worker is to make it as declared. Who asks owns it; asked twice, it is asked once.

        Raises NotFound, and Conflict for a finding that is in order again.
        """
        with self._database.writing() as transaction:
            finding = self._one(transaction, finding_id)
            if finding.resolved_at is not None:
                raise Conflict(
                    f"{finding.kind} {finding.name} is as declared again.", expected="open", actual="in order"
                )
            if finding.fix is FixState.WANTED:
                return finding
            return self._ask(transaction, finding, actor, reason)

    def ask_for(self, resource: PlannedResource, actor: Actor, reason: str) -> SetupFinding:
        """As `ask_fix`, for a resource that may never have been made: that it is not there becomes the finding."""
        with self._database.writing() as transaction:
            standing = {finding.resource: finding for finding in self._standing(transaction)}
            if resource.key not in standing:
                lines = resource.sentences or (NEVER_MADE,)
                self._see(transaction, (resource, FindingState.DRIFTED, lines), None)
                standing = {finding.resource: finding for finding in self._standing(transaction)}
            finding = standing[resource.key]
            if finding.fix is FixState.WANTED:
                return finding
            return self._ask(transaction, finding, actor, reason)

    def _ask(self, transaction: Connection, finding: SetupFinding, actor: Actor, reason: str) -> SetupFinding:
        wanted = {"fix": FixState.WANTED, "fix_by": actor.name, "fix_reason": reason, "fix_outcome": ""}
        wanted["owner"] = finding.owner or actor.name
        return self._change(transaction, finding, wanted, actor, "setup.fix_asked", reason, lease_until=None)

    def claim_fix(self, lease_seconds: float) -> SetupFinding | None:
        """A fix that is wanted, under a lease; None if there is none. Making it twice is harmless."""
        now = self._clock()
        free = findings.c.lease_until.is_(None) | (findings.c.lease_until < now)
        waits = (findings.c.fix == FixState.WANTED.value) & free
        with self._database.reading() as connection:
            if connection.execute(select(findings.c.id).where(waits)).first() is None:
                return None
        with self._database.writing() as transaction:
            row = transaction.execute(select(findings).where(waits).order_by(findings.c.id).limit(1)).first()
            if row is None:
                return None
            until = now + timedelta(seconds=lease_seconds)
            transaction.execute(update(findings).where(findings.c.id == row.id).values(lease_until=until))
            return self._read(row)

    def end_fix(self, finding: SetupFinding, state: FixState, outcome: str) -> None:
        """Record what became of a fix that this worker had claimed; one that was ended before stays as it is."""
        with self._database.writing() as transaction:
            now = self._one(transaction, finding.id)
            if now.fix is FixState.WANTED:
                ended = {"fix": state, "fix_outcome": outcome}
                self._change(transaction, now, ended, WORKER, f"setup.fix_{state.value}", outcome, lease_until=None)

    def open(self) -> tuple[SetupFinding, ...]:
        """What is not in order, the oldest first."""
        with self._database.reading() as connection:
            return self._standing(connection)

    def _standing(self, connection: Connection) -> tuple[SetupFinding, ...]:
        query = select(findings).where(findings.c.resolved_at.is_(None)).order_by(findings.c.first_seen, findings.c.id)
        return tuple(self._read(row) for row in connection.execute(query))

    def _read(self, row: Row[tuple[object, ...]]) -> SetupFinding:
        fields: dict[str, object] = dict(row._mapping)
        fields.pop("lease_until")
        return SetupFinding.model_validate({**fields, "lines": tuple(str(fields["lines"]).split("\n"))})

    def _tell(
        self,
        transaction: Connection,
        found: SetupFinding,
        actor: Actor,
        action: str,
        reason: str,
        before: str = "",  # noqa: ARG002 -- taken or not, a finding is what it is until it is in order
    ) -> None:
        self._audit.append(
            Note(
                actor=actor.name,
                channel=actor.channel,
                action=action,
                subject=f"setup/{found.kind}/{found.place}/{found.name}",
                reason=reason,
                after="in order" if action == "setup.in_order" else found.state.value,
                detail={"finding": found.id, "differences": "; ".join(found.lines), "owner": found.owner},
            ),
            transaction,
        )
