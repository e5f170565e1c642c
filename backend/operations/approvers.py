"""Standing in: an approver who is away names somebody, until a day, and can take it back."""

from __future__ import annotations

from datetime import datetime, timedelta

from backend.domain.approvals import ApprovalRules, Delegation
from backend.domain.clock import Clock
from backend.domain.people import Actor, Right
from backend.errors import Invalid, NotPermitted
from backend.operations.authorise import refusal, require, require_key, require_reason
from backend.operations.council import rules_of
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

LONGEST_DAYS = 366
LONGEST_NAME = 255


class Approvers:
    def __init__(self, store: Store, project: Project, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def rules(self) -> ApprovalRules:
        """The policy as it is set."""
        return rules_of(self._project)

    def delegate(self, actor: Actor, to: str, until: datetime, reason: str, key: str) -> Delegation:
        """Let `to` stand in for the actor until that moment, where a rule asks for the actor by name.

        Who stands in needs the right to approve of their own, and is bound by what they made themselves.
        """
        require(actor, Right.APPROVE)
        said, key, name, now = require_reason(reason), require_key(key), to.strip(), self._clock()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise Invalid("Name the account that stands in for you.")
        if name.casefold() == actor.name.casefold():
            raise Invalid("Nobody can stand in for themselves.")
        known = next((d for d in self._store.delegations.every() if d.id == key), None)
        if known is None and not now < until <= now + timedelta(days=LONGEST_DAYS):
            raise Invalid(f"The end of it, {until:%Y-%m-%d %H:%M} UTC, must lie ahead, by at most {LONGEST_DAYS} days.")
        wanted = Delegation(id=key, person=actor.name, delegate=name, reason=said, since=now, until=until)
        return self._store.delegations.record(wanted, _note(actor, wanted, "delegated", said))

    def revoke(self, actor: Actor, delegation_id: str, reason: str) -> Delegation:
        """End it at once: one's own, or anybody's as an administrator. What was approved meanwhile stands."""
        said = require_reason(reason)
        known = self._store.delegations.get(delegation_id)
        refused = self.cannot_revoke(actor, known)
        if refused:
            raise NotPermitted(refused)
        return self._store.delegations.revoke(delegation_id, self._clock(), _note(actor, known, "revoked", said))

    def cannot_delegate(self, actor: Actor) -> str:
        """Why this person's place is taken by nobody; "" where they may name somebody."""
        return refusal(actor, Right.APPROVE)

    def cannot_revoke(self, actor: Actor, delegation: Delegation) -> str:
        """Why this person may not end it; "" where they may."""
        if delegation.person == actor.name or actor.may(Right.SETUP):
            return ""
        return f"{delegation.person} made this delegation; {delegation.person} or an administrator can revoke it."

    def delegations(self) -> tuple[tuple[Delegation, bool], ...]:
        """Newest first, and whether each holds now."""
        now = self._clock()
        return tuple((delegation, delegation.active(now)) for delegation in self._store.delegations.every())


def _note(actor: Actor, delegation: Delegation, what: str, reason: str) -> Note:
    return Note(
        actor=actor.name,
        channel=actor.channel,
        action=f"approver.{what}",
        subject=f"person/{delegation.person}",
        reason=reason,
        before="delegated" if what == "revoked" else "",
        after=what,
        detail={"delegate": delegation.delegate, "until": delegation.until.isoformat(), "delegation": delegation.id},
    )
