"""Who has to agree to a version, who has, and what stands against it: rules, delegations, overrides, quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from backend.domain.clock import stamp
from backend.domain.people import Aliases, Right, who_may
from backend.domain.registry import Approval
from backend.domain.value import Value

APPROVED, REJECTED = "approved", "rejected"
CHANGES_REQUESTED = "changes requested"
"""The decisions about a version; the third one says that the author should do something first."""


class ApprovalRules(Value):
    """The project's policy; settings hold its defaults. `required` are account names, each of whom must approve.

    `people` says what each account is called in git, GitHub and Azure.
    """

    quorum: int
    required: tuple[str, ...]
    expiry_days: float
    author_may_approve: bool
    author_may_promote: bool
    submitter_may_approve: bool
    submitter_may_promote: bool
    approver_may_promote: bool
    break_glass_hours: float
    people: Mapping[str, Aliases] = {}


class Delegation(Value):
    """`delegate` may stand in for `person` where a rule asks for that person, until it ends or is revoked.

    The delegate acts in their own name and with their own right; a delegation is not handed on.
    """

    id: str
    person: str
    delegate: str
    reason: str
    since: datetime
    until: datetime
    revoked_at: datetime | None = None

    def active(self, at: datetime) -> bool:
        return self.since <= at < self.until and (self.revoked_at is None or at < self.revoked_at)


class SetAside(Value):
    """An approval that does not count, and the sentence that says why."""

    approval: Approval
    why: str


class Awaited(Value):
    """A required person who has not approved, and who may stand in for them now, each with the end of that."""

    person: str
    delegates: tuple[tuple[str, datetime], ...] = ()


class Assent(Value):
    """What the decisions about a version amount to at a moment.

    `counted` and `set_aside` are newest first, and come after the latest refusal; `refused` is set while that is the
    newest decision. `expires_at` is when the first of the counted ones ends.
    """

    needed: int = 1
    counted: tuple[Approval, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    awaited: tuple[Awaited, ...] = ()
    refused: Approval | None = None
    expires_at: datetime | None = None

    @property
    def complete(self) -> bool:
        return self.refused is None and len(self.counted) >= self.needed and not self.awaited

    @property
    def missing(self) -> int:
        """How many more people have to approve, whoever they are."""
        return max(0, self.needed - len(self.counted))

    @property
    def still_needed(self) -> str:
        """Who has to approve yet: the required people by name, with who may stand in, then how many others."""
        named = [
            awaited.person + "".join(f" (or {who} until {stamp(until)})" for who, until in awaited.delegates)
            for awaited in self.awaited
        ]
        others, role = self.missing - len(named), who_may(Right.APPROVE)
        if others > 0 and (self.needed > 1 or named):
            named.append(f"{others} {'more ' if named or self.counted else ''}{role}{'s' if others > 1 else ''}")
        return " and ".join(named) or role

    @property
    def progress(self) -> str:
        """`1 of 2 approvals (lead)`."""
        who = f" ({', '.join(approval.actor for approval in self.counted)})" if self.counted else ""
        return f"{len(self.counted)} of {self.needed} approval{'' if self.needed == 1 else 's'}{who}"


class Override(Value):
    """Break-glass: hard gates that a version may go past once a second person has agreed, and only until `ends_at`.

    It is bound to digest, threshold and gate file, and the box is counted from the asking. `ended_at` is set where
    somebody ended it before.
    """

    id: str
    model: str
    version: str
    digest: str
    threshold: float
    gate_file: str
    gates: tuple[str, ...]
    asked_by: str
    reason: str
    asked_at: datetime
    ends_at: datetime
    confirmed_by: str = ""
    confirmed_at: datetime | None = None
    confirmed_reason: str = ""
    ended_by: str = ""
    ended_at: datetime | None = None


class Quarantine(Value):
    """A version that may run nowhere, by no path, until somebody releases it; equal bytes are the same model.

    One that is `retired` has done its work: nobody releases it.
    """

    model: str
    version: str
    digest: str
    reason: str
    set_by: str
    set_at: datetime
    retired: bool = False
