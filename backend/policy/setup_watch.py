"""What a comparison of the setup means: drift, not to be seen, or not made yet. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from backend.domain.setup import Change, FindingState, PlannedResource, SetupLook, SetupPlan

GONE = "it is gone"


def judged(plan: SetupPlan, known: Mapping[str, str]) -> tuple[SetupLook, dict[str, str]]:
    """What one look found, and what is known after it: by resource, the declaration that it was once true to.

    A resource that never was as it is declared today is yet to be made or changed by `apply`: that is no drift.
    What may not be seen is unknown from the first look on.
    """
    found = []
    now_known = dict(known)
    for resource in plan.resources:
        if resource.change is Change.NONE:
            now_known[resource.key] = declaration_of(resource)
            continue
        state = _state(resource, known.get(resource.key, ""))
        if state is not None:
            found.append((resource, state, _lines(resource)))
    return SetupLook(found=tuple(found), looked_at=frozenset(r.key for r in plan.resources)), now_known


def declaration_of(resource: PlannedResource) -> str:
    """A digest of what is declared, so that a new declaration is not taken for drift."""
    declared = json.dumps([(field.name, field.declared) for field in resource.fields])
    return hashlib.sha256(declared.encode()).hexdigest()[:12]


def _state(resource: PlannedResource, known: str) -> FindingState | None:
    if resource.change is Change.UNREADABLE:
        return FindingState.UNKNOWN
    # What waits for another thing has no fields: it was there, and so was what it waits for.
    same = known and (not resource.fields or known == declaration_of(resource))
    return FindingState.DRIFTED if same else None


def _lines(resource: PlannedResource) -> tuple[str, ...]:
    if resource.change is Change.CREATE:
        return (GONE,)
    return resource.sentences or (resource.note,)
