"""One declared resource: how to look at it, and how to make it as declared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from backend.domain.setup import AppliedResource, Change, PlannedResource, SetupPlan
from backend.errors import BackendError, CredentialsRejected

LOOKS_AT_A_TIME = 6

Look = Callable[[], tuple[str, ...] | None]
"""Answers None if the resource is missing, else its `field: now -> declared` lines (none: as declared)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """`make` creates or changes it and may be repeated; `waits_for` answers what must be there first, or ""."""

    kind: str
    name: str
    where: str
    look: Look
    make: Callable[[], None]
    waits_for: Callable[[], str] = lambda: ""


def look_at(resource: Resource) -> PlannedResource:
    """Compare one resource with its declaration; what we may not see is `cannot be read`, never `unchanged`."""
    try:
        found = resource.look()
    except CredentialsRejected as error:
        return _planned(resource, Change.UNREADABLE, (str(error),))
    if found is None:
        waiting = resource.waits_for()
        return _planned(resource, Change.CREATE, (waiting,) if waiting else ())
    return _planned(resource, Change.UPDATE if found else Change.NONE, found)


def plan(resources: Sequence[Resource]) -> SetupPlan:
    """Look at all of them, some at a time: nearly all of a look is waiting for an answer."""
    with ThreadPoolExecutor(max_workers=LOOKS_AT_A_TIME) as pool:
        return SetupPlan(resources=tuple(pool.map(look_at, resources)))


def apply(resources: Sequence[Resource], report: Callable[[AppliedResource], None]) -> bool:
    """Make each resource in order, telling of each; True if all are as declared now.

    Stops at the first failure: what follows may need it. What is done stays done, and repeating continues.
    """
    whole = True
    for resource, before in zip(resources, plan(resources).resources, strict=True):
        # What was made since the plan may have changed this one.
        planned = before if before.change is Change.NONE else look_at(resource)
        waiting = resource.waits_for() if planned.change is Change.CREATE else ""
        if planned.change is Change.NONE:
            report(AppliedResource(resource=planned, done=True, message="as declared"))
            continue
        if planned.change is Change.UNREADABLE or waiting:
            whole = False
            report(AppliedResource(resource=planned, done=False, message=waiting or planned.differences[0]))
            continue
        try:
            resource.make()
        except BackendError as error:
            report(AppliedResource(resource=planned, done=False, message=str(error)))
            raise
        done = "created" if planned.change is Change.CREATE else f"changed: {'; '.join(planned.differences)}"
        report(AppliedResource(resource=planned, done=True, message=done))
    return whole


def differing(declared: dict[str, object], now: dict[str, object]) -> tuple[str, ...]:
    """`field: now -> declared` for each declared field that reads otherwise."""
    return tuple(
        f"{name}: {now.get(name, 'nothing')} -> {value}" for name, value in declared.items() if now.get(name) != value
    )


def _planned(resource: Resource, change: Change, differences: tuple[str, ...]) -> PlannedResource:
    return PlannedResource(
        kind=resource.kind, name=resource.name, where=resource.where, change=change, differences=differences
    )
