"""What served production at a moment, told from the ledger, each fact with the row that says so."""

from __future__ import annotations

from datetime import datetime

from backend.domain.audit import AuditEntry
from backend.domain.value import Value


class LedgerRow(Value):
    """A row of the ledger quoted beside a fact; `hash` finds it in an export."""

    sequence: int
    at: datetime
    actor: str
    action: str
    reason: str
    told: str
    hash: str


class Share(Value):
    """One deployment's part of the traffic. A field that no row tells is "" or None.

    `since` is when it began to have traffic without a break. `promoted` is the request that brought it, which after
    a rollback is the rollback's; `approved` the approvals of the same digest that it rested on, the latest first, one a
    person; `evidence` what had been frozen about that digest by then, each row's `told` being the digest of the
    evidence.
    """

    deployment: str
    weight: int
    since: datetime
    model: str = ""
    version: str = ""
    digest: str = ""
    threshold: float | None = None
    commit: str = ""
    pull_request: str = ""
    author: str = ""
    promotion: str = ""
    promoted: LedgerRow | None = None
    approved: tuple[LedgerRow, ...] = ()
    evidence: tuple[LedgerRow, ...] = ()


class Changing(Value):
    """A change of traffic that had been ordered and not yet been seen done; `done` is None where it never was."""

    promotion: str
    wanted: dict[str, int]
    ordered: datetime
    done: datetime | None


class UnderWay(Value):
    """A promotion or rollback that had been asked for and had not ended."""

    promotion: str
    kind: str
    version: str
    phase: str
    requested: LedgerRow


class ServedAt(Value):
    """The answer for one moment, and in one `sentence`.

    Without `shares` nothing served; `began` is the ledger's first row, None if it is empty.
    `since` and `because` belong to the present split of the traffic. `elsewhere` says that it was not set by a
    promotion but found so.
    """

    moment: datetime
    sentence: str = ""
    began: datetime | None
    since: datetime | None = None
    because: LedgerRow | None = None
    elsewhere: bool = False
    shares: tuple[Share, ...] = ()
    changing: tuple[Changing, ...] = ()
    under_way: UnderWay | None = None

    @property
    def recorded(self) -> bool:
        """Whether the ledger had begun by then."""
        return self.began is not None and self.began <= self.moment


def quoted(entry: AuditEntry) -> LedgerRow:
    return LedgerRow(
        sequence=entry.sequence,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        reason=entry.reason,
        told=entry.after,
        hash=entry.hash,
    )
