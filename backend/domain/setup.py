"""Declared resources, and how the world differs from them."""

from __future__ import annotations

from enum import StrEnum

from backend.domain.value import Value


class Change(StrEnum):
    CREATE = "create"
    UPDATE = "change"
    NONE = "unchanged"
    UNREADABLE = "cannot be read"


class PlannedResource(Value):
    """One declared resource: `differences` are `field: now -> declared` lines."""

    kind: str
    name: str
    where: str
    change: Change
    differences: tuple[str, ...] = ()


class SetupPlan(Value):
    resources: tuple[PlannedResource, ...]

    @property
    def pending(self) -> tuple[PlannedResource, ...]:
        return tuple(r for r in self.resources if r.change in {Change.CREATE, Change.UPDATE})


class AppliedResource(Value):
    resource: PlannedResource
    done: bool
    message: str
