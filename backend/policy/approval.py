"""What the decisions about a version amount to: bound to all that was looked at, by enough and by the right people.

An approval is void when anything it is bound to changes, ends by itself, and does not count from who made the version.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.domain.approvals import (
    APPROVED,
    CHANGES_REQUESTED,
    REJECTED,
    ApprovalRules,
    Assent,
    Awaited,
    Delegation,
    Quarantine,
    SetAside,
)
from backend.domain.clock import stamp
from backend.domain.decisions import Dossier
from backend.domain.registry import Approval
from backend.policy.duty import may_not_approve
from backend.policy.identity import Names, names_of


@dataclass(frozen=True)
class Council:
    """The policy, who is called what at GitHub, who stands in for whom, and the moment of looking."""

    rules: ApprovalRules
    logins: Mapping[str, str]
    delegations: tuple[Delegation, ...]
    now: datetime

    def names(self, account: str) -> Names:
        return names_of(self.rules.people, account, self.logins.get(account))


def standing_approval(dossier: Dossier) -> Approval | None:
    """The newest approval that counts, if those that count are enough for what the version is now."""
    return dossier.assent.counted[0] if dossier.assent.complete else None


def rejection(dossier: Dossier) -> Approval | None:
    return _latest(dossier, REJECTED)


def changes_requested(dossier: Dossier) -> Approval | None:
    return _latest(dossier, CHANGES_REQUESTED)


def _latest(dossier: Dossier, decision: str) -> Approval | None:
    latest = next(iter(dossier.approvals), None)
    return latest if latest is not None and latest.decision == decision else None


def assent(dossier: Dossier, council: Council) -> Assent:
    """Count the approvals since the latest refusal, one a person."""
    rules = council.rules
    newest = next(iter(dossier.approvals), None)
    if newest is not None and newest.decision != APPROVED:
        awaited = _awaited(council, {})
        return Assent(needed=rules.quorum, refused=newest, awaited=awaited)
    counted: dict[str, Approval] = {}
    aside: list[SetAside] = []
    for approval in dossier.approvals:
        if approval.decision != APPROVED:
            break
        if approval.actor.casefold() in counted:
            continue
        why = _does_not_count(dossier, approval, council)
        if why:
            aside.append(SetAside(approval=approval, why=why))
        else:
            counted[approval.actor.casefold()] = approval
    given = tuple(counted.values())
    return Assent(
        needed=rules.quorum,
        counted=given,
        set_aside=tuple(aside),
        awaited=_awaited(council, {name: approval.at for name, approval in counted.items()}),
        expires_at=min((_ends(approval, rules) for approval in given), default=None),
    )


def completes(dossier: Dossier, council: Council, account: str) -> bool:
    """Whether this person's approval, given now, would be the last that is needed."""
    if may_not_approve(council.rules, dossier, council.names(account)):
        return False
    votes = {approval.actor.casefold(): approval.at for approval in dossier.assent.counted}
    votes[account.casefold()] = council.now
    return len(votes) >= council.rules.quorum and not _awaited(council, votes)


def void_because(dossier: Dossier, approval: Approval) -> str:
    """What has changed since, as the end of a sentence; "" where nothing has."""
    version, gates = dossier.version, dossier.gates
    bound = (
        ("model digest", approval.digest, version.digest),
        ("threshold", approval.threshold, version.threshold),
        ("commit", approval.commit, version.lineage.commit),
        ("data", approval.data_digest, version.lineage.data_digest),
        ("gate file", approval.gates, gates.digest if gates else ""),
    )
    changed = [name for name, then, now in bound if then != now]
    if not dossier.gates_are_current and "gate file" not in changed:
        changed.append("gate file")
    return f"it was for another {' and '.join(changed)}" if changed else ""


def _does_not_count(dossier: Dossier, approval: Approval, council: Council) -> str:
    void = void_because(dossier, approval)
    if void:
        return f"The approval of v{approval.version} by {approval.actor} is void: {void}."
    ends = _ends(approval, council.rules)
    if council.now >= ends:
        days = f"{council.rules.expiry_days:g} days"
        return f"The approval of v{approval.version} by {approval.actor} expired on {stamp(ends)}, after {days}."
    made = may_not_approve(council.rules, dossier, council.names(approval.actor), approval.actor)
    return f"The approval by {approval.actor} does not count: {made}" if made else ""


def _ends(approval: Approval, rules: ApprovalRules) -> datetime:
    return approval.at + timedelta(days=rules.expiry_days)


def _awaited(council: Council, votes: Mapping[str, datetime]) -> tuple[Awaited, ...]:
    """The required people who have neither approved nor been stood in for when it was done."""
    return tuple(
        Awaited(person=person, delegates=_delegates(council, person))
        for person in council.rules.required
        if person.casefold() not in votes and not _stood_in(council.delegations, person, votes)
    )


def _stood_in(delegations: Collection[Delegation], person: str, votes: Mapping[str, datetime]) -> bool:
    of_person = [d for d in delegations if d.person.casefold() == person.casefold()]
    return any(
        d.delegate.casefold() in votes and d.active(votes[d.delegate.casefold()])
        for d in of_person
    )  # fmt: skip


def _delegates(council: Council, person: str) -> tuple[tuple[str, datetime], ...]:
    standing_in = (d for d in council.delegations if d.person.casefold() == person.casefold() and d.active(council.now))
    return tuple((d.delegate, d.until) for d in standing_in)


def missing_approval(dossier: Dossier) -> str:
    """Why the version is not approved, in a sentence or two."""
    found, version = dossier.assent, dossier.version.version
    if found.refused is not None:
        said = "Rejected" if found.refused.decision == REJECTED else "Changes were requested"
        return f"{said} by {found.refused.actor}: {found.refused.reason}"
    aside = " ".join(dict.fromkeys(one.why for one in found.set_aside))
    if found.needed == 1 and not found.counted and not found.awaited:
        return aside or f"v{version} has not been approved."
    return f"{aside} v{version} has {found.progress}; still needed: {found.still_needed}.".strip()


def quarantined(version: str, held: Quarantine) -> str:
    """Why this version may run nowhere."""
    what = "retired" if held.retired else "in quarantine"
    said = f"{what} since {stamp(held.set_at)} by {held.set_by}: {held.reason}"
    if held.version != version:
        return f"v{version} has the same bytes as v{held.version}, which is {said}"
    return f"v{version} is {said}"
