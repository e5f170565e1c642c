"""One declared resource: how to look at it, and how to make it as declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from backend.domain.setup import AppliedResource, Change, DeclaredField, PlannedResource, SetupPlan
from backend.errors import BackendError, Conflict, CredentialsRejected, NotFound

LOOKS_AT_A_TIME = 6

Fields = Mapping[str, str | None]
"""Values by field; None for one that this identity may not see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """`declared` may ask for what it depends on; `look` answers None if the resource is missing.

    `make` creates or changes it and may be repeated. Without `make` a person does it, as `by_hand` says.
    `waits_for` answers what must be there first, or "".
    """

    kind: str
    name: str
    where: str
    declared: Callable[[], Mapping[str, str]]
    look: Callable[[], Fields | None]
    make: Callable[[], None] | None
    waits_for: Callable[[], str] = lambda: ""
    by_hand: str = ""

    def planned(self, change: Change, fields: tuple[DeclaredField, ...] = (), note: str = "") -> PlannedResource:
        return PlannedResource(
            kind=self.kind,
            name=self.name,
            where=self.where,
            change=change,
            fields=fields,
            note=note or (self.by_hand if change is not Change.NONE else ""),
            by_hand=self.make is None,
        )


def look_at(resource: Resource) -> PlannedResource:
    """Compare one resource with its declaration; what we may not see is `cannot be read`, never `unchanged`."""
    try:
        found = resource.look()
        if found is None and (waiting := resource.waits_for()):
            return resource.planned(Change.CREATE, note=waiting)
        fields = compare(resource.declared(), found)
    except (CredentialsRejected, NotFound) as error:
        # GitHub answers "not found" for what somebody may not know of; what is missing is told by `look`.
        return resource.planned(Change.UNREADABLE, note=str(error))
    if found is None:
        return resource.planned(Change.CREATE, fields)
    changes = {field.change for field in fields}
    worst = next((c for c in (Change.UPDATE, Change.UNREADABLE) if c in changes), Change.NONE)
    return resource.planned(worst, fields)


def compare(declared: Mapping[str, str], found: Fields | None) -> tuple[DeclaredField, ...]:
    """Each declared field beside what is there. A field that was not told at all counts as nothing."""
    return tuple(_field(name, value, found) for name, value in declared.items())


def _field(name: str, declared: str, found: Fields | None) -> DeclaredField:
    if found is None:
        return DeclaredField(name=name, declared=declared, now=None, change=Change.CREATE)
    now = found.get(name, "nothing")
    change = Change.UNREADABLE if now is None else Change.NONE if now == declared else Change.UPDATE
    return DeclaredField(name=name, declared=declared, now=now, change=change)


def plan(resources: Sequence[Resource]) -> SetupPlan:
    """Look at all of them, some at a time: nearly all of a look is waiting for an answer."""
    with ThreadPoolExecutor(max_workers=LOOKS_AT_A_TIME) as pool:
        return SetupPlan(resources=tuple(pool.map(look_at, resources)))


def apply(resources: Sequence[Resource], report: Callable[[AppliedResource], None]) -> bool:
    """Make each resource in order, telling of each; True if all are as declared now.

    Stops at the first failure: what follows may need it. What is done stays done, and repeating continues. What exists
    otherwise and cannot be changed is left with the reason.
    """
    whole = True
    for resource, before in zip(resources, plan(resources).resources, strict=True):
        # What was made since the plan may have changed this one.
        planned = before if before.change is Change.NONE else look_at(resource)
        whole = _apply_one(resource, planned, report) and whole
    return whole


def _apply_one(resource: Resource, planned: PlannedResource, report: Callable[[AppliedResource], None]) -> bool:
    """Whether it is as declared afterwards; raises what `make` raised, once it has been reported."""
    left = _left(resource, planned)
    if planned.change is Change.NONE or left or resource.make is None:
        done = planned.change is Change.NONE
        report(AppliedResource(resource=planned, done=done, message="as declared" if done else left))
        return done
    try:
        resource.make()
    except Conflict as error:
        # It is there, only otherwise, and nobody can change it: what follows can still be made.
        report(AppliedResource(resource=planned, done=False, message=str(error)))
        return False
    except BackendError as error:
        report(AppliedResource(resource=planned, done=False, message=str(error)))
        raise
    done_words = "created" if planned.change is Change.CREATE else f"changed: {'; '.join(planned.sentences)}"
    report(AppliedResource(resource=planned, done=True, message=done_words))
    return True


def _left(resource: Resource, planned: PlannedResource) -> str:
    """Why it is not made now, or ""."""
    if planned.change is Change.UNREADABLE:
        return planned.note or "; ".join(planned.sentences)
    if resource.make is None:
        return resource.by_hand
    return resource.waits_for() if planned.change is Change.CREATE else ""


def words(value: object) -> str:
    """A value as the plan shows it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
