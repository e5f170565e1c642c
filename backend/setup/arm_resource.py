"""A resource that is one ARM document: the same reading tells what is declared and what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from backend.gateways.azureml.arm import ArmResources
from backend.setup.resource import Resource

TOLD_BY_AZURE = ("id", "name", "type", "systemData", "etag")

Document = Mapping[str, Any]


def arm_resource(
    arm: ArmResources,
    *,
    kind: str,
    name: str,
    where: str,
    at: str,
    version: str,
    body: Callable[[], Document],
    read: Callable[[Document], Mapping[str, str]],
    first: Document | None = None,
    waits_for: Callable[[], str] = lambda: "",
) -> Resource:
    """`at` is its id. `body` is sent over what is there, so that what we do not declare stays; `first` only once."""

    def look() -> Mapping[str, str] | None:
        now = arm.get(at, version)
        return None if now is None else read(now)

    def make() -> None:
        now = arm.get(at, version)
        kept = first or {} if now is None else {k: v for k, v in now.items() if k not in TOLD_BY_AZURE}
        arm.put(at, version, merged(kept, body()))

    return Resource(
        kind=kind,
        name=name,
        where=where,
        declared=lambda: read(body()),
        look=look,
        make=make,
        waits_for=waits_for,
    )


def merged(kept: Document, wanted: Document) -> dict[str, Any]:
    """`wanted` over `kept`, object by object; a list is replaced."""
    both = dict(kept)
    for name, value in wanted.items():
        before = both.get(name)
        both[name] = merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return both


def name_in(resource_id: object) -> str:
    """The last part of an id, in lower case: Azure spells the rest of an id as it likes."""
    return str(resource_id or "nothing").rpartition("/")[2].lower()
