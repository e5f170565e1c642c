"""Declared resources, and how the world differs from them, field by field."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class Change(StrEnum):
    CREATE = "create"
    UPDATE = "change"
    NONE = "unchanged"
    UNREADABLE = "cannot be read"


class DeclaredField(Value):
    """One declared value; `now` is None where there is nothing yet, or where it cannot be read."""

    name: str
    declared: str
    now: str | None
    change: Change

    @property
    def sentence(self) -> str:
        """`max nodes: 4 -> 2`."""
        unread = "not readable with this identity" if self.change is Change.UNREADABLE else "nothing"
        return f"{self.name}: {unread if self.now is None else self.now} -> {self.declared}"


class PlannedResource(Value):
    """One declared resource. `note` says what it waits for, why it cannot be read, or how a person changes it.

    `by_hand`: setup never writes it, a person does.
    """

    kind: str
    name: str
    where: str
    change: Change
    fields: tuple[DeclaredField, ...] = ()
    note: str = ""
    by_hand: bool = False

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.where}/{self.name}"

    @property
    def differing(self) -> tuple[DeclaredField, ...]:
        return tuple(field for field in self.fields if field.change is not Change.NONE)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What differs, or cannot be seen, of a resource that is there; nothing for one that is yet to be made."""
        return () if self.change is Change.CREATE else tuple(field.sentence for field in self.differing)


class MonthlyCost(Value):
    """What the declared resources cost in a month without work, and what that figure leaves out."""

    amount: float
    currency: str
    made_of: str
    without: str

    @property
    def words(self) -> str:
        return f"{self.amount:,.0f} {self.currency} a month: {self.made_of}. {self.without}"


class SetupPlan(Value):
    """`cost` is None where no price is declared for what would run."""

    resources: tuple[PlannedResource, ...]
    cost: MonthlyCost | None = None

    @property
    def pending(self) -> tuple[PlannedResource, ...]:
        return tuple(r for r in self.resources if r.change in {Change.CREATE, Change.UPDATE})

    @property
    def unknown(self) -> tuple[PlannedResource, ...]:
        """What we are not allowed to see, in whole or in part."""
        return tuple(
            r
            for r in self.resources
            if r.change is Change.UNREADABLE or any(f.change is Change.UNREADABLE for f in r.fields)
        )

    def named(self, key: str) -> PlannedResource | None:
        return next((resource for resource in self.resources if resource.key == key), None)


class AppliedResource(Value):
    resource: PlannedResource
    done: bool
    message: str


class FindingState(StrEnum):
    """`drifted`: it was as declared and is no longer. `unknown`: we are not allowed to see it, which is not fine.

    `not refused`: a drill went past a control.
    """

    DRIFTED = "drifted"
    UNKNOWN = "unknown"
    NOT_REFUSED = "not refused"


class FixState(StrEnum):
    """What became of a fix that somebody asked for; `left` is for a person, as the outcome says."""

    NONE = ""
    WANTED = "wanted"
    DONE = "done"
    LEFT = "left"


class SetupFinding(Value):
    """A declared resource that is not as declared, or cannot be seen, since `first_seen`.

    `lines` are `field: now -> declared`. `resolved_at` says when it was as declared again.
    """

    id: str
    resource: str
    kind: str
    name: str
    place: str
    state: FindingState
    lines: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    owner: str = ""
    fix: FixState = FixState.NONE
    fix_by: str = ""
    fix_reason: str = ""
    fix_outcome: str = ""
    resolved_at: datetime | None = None

    @property
    def sentence(self) -> str:
        """`ruleset main (hospital/diabetes) drifted: checks: none -> quality-gate`."""
        return f"{self.kind} {self.name} ({self.place}) {self.state.value}: {'; '.join(self.lines)}"


class SetupLook(Value):
    """What one comparison found; `looked_at` are the keys of all resources that it can speak for."""

    found: tuple[tuple[PlannedResource, FindingState, tuple[str, ...]], ...] = ()
    looked_at: frozenset[str] = frozenset()
