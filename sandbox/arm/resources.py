"""Every ARM resource as one document: kind "arm", key the lower-cased id."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.arm.ids import ResourceId, parse
from sandbox.state.documents import Document
from sandbox.world import World

KIND = "arm"


def get(world: World, resource_id: str) -> Document | None:
    return world.documents.get(KIND, _key(resource_id))


def put(world: World, resource_id: str, body: Document, actor: str = "") -> Document:
    """Create or replace; `id`, `name`, `type` and `systemData` are ours, the rest of `body` is stored as it is."""
    identity = parse(resource_id)
    stored = {**body, **described(world, identity, get(world, resource_id), actor)}
    world.documents.put(KIND, identity.key, stored)
    return stored


def create(world: World, resource_id: str, body: Document, actor: str = "") -> Document | None:
    """Like `put`, but None and nothing changed when the resource exists."""
    identity = parse(resource_id)
    stored = {**body, **described(world, identity, None, actor)}
    return stored if world.documents.create(KIND, identity.key, stored) else None


def update(world: World, resource_id: str, change: Callable[[Document], Document]) -> Document | None:
    """Read, change and write in one transaction; None if there is no such resource."""
    return world.documents.update(KIND, _key(resource_id), change)


def delete(world: World, resource_id: str) -> bool:
    """Forget the resource and everything below it; False if it did not exist."""
    existed = world.documents.delete(KIND, _key(resource_id))
    for key, _ in world.documents.list(KIND, f"{_key(resource_id)}/"):
        world.documents.delete(KIND, key)
    return existed


def children(world: World, parent_id: str, type_name: str) -> list[Document]:
    """The resources `parent/type/*`, oldest first; not what lies below them."""
    prefix = f"{_key(parent_id)}/{type_name.lower()}/"
    return [body for key, body in world.documents.list(KIND, prefix) if "/" not in key[len(prefix) :]]


def described(world: World, identity: ResourceId, before: Document | None, actor: str) -> Document:
    """`id`, `name`, `type` and `systemData` of a resource that is written now."""
    moment = world.now().isoformat().replace("+00:00", "Z")
    created = (before or {}).get("systemData") or {"createdAt": moment, "createdBy": actor}
    types = identity.type.split("/")
    return {
        "id": (before or {}).get("id") or identity.text,
        "name": (before or {}).get("name") or identity.name,
        "type": "/".join([_proper(types[0]), *types[1:]]),
        "systemData": {
            "createdAt": created["createdAt"],
            "createdBy": created["createdBy"],
            "createdByType": "Application" if created["createdBy"].startswith("mlops-") else "User",
            "lastModifiedAt": moment,
            "lastModifiedBy": actor or created["createdBy"],
            "lastModifiedByType": "User",
        },
    }


def _key(resource_id: str) -> str:
    return "/" + resource_id.strip("/").lower()


def _proper(provider: str) -> str:
    """Microsoft's spelling of a provider that has been lower-cased."""
    known = (
        "MachineLearningServices", "Authorization", "Insights", "KeyVault", "ManagedIdentity", "OperationalInsights",
        "Resources", "Storage",
    )  # fmt: skip
    return next((f"Microsoft.{name}" for name in known if f"microsoft.{name.lower()}" == provider), provider)
