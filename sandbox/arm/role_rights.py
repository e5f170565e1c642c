"""What assigned roles allow, evaluated as Azure does, in every resource group where a program has an assignment.

Where it has none it keeps the rights it was born with (`sandbox.accounts`), so that a world can be made at all.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from sandbox.arm import resources
from sandbox.arm.ids import parse
from sandbox.identity.tokens import object_id
from sandbox.state.documents import Document
from sandbox.world import World

KIND = "role_rights"  # by principal id: what their assignments allow, and where
DEFINITIONS = "microsoft.authorization/roledefinitions"
ASSIGNMENTS = "microsoft.authorization/roleassignments"
BUILT_IN = {
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": ("Reader", ["*/read"]),
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": (
        "Monitoring Reader",
        ["*/read", "Microsoft.OperationalInsights/workspaces/search/action"],
    ),
    "73c42c96-874c-492b-b04d-ab87d138a893": (
        "Log Analytics Reader",
        ["*/read", "Microsoft.OperationalInsights/workspaces/search/action"],
    ),
}
"""Built-in roles by their id, which is the same in every directory."""


def definition(world: World, role_id: str) -> Document | None:
    """A role's `roleName` and `permissions`, built in or made here; None if there is no such role."""
    name = role_id.rpartition("/")[2].lower()
    if name in BUILT_IN:
        role, actions = BUILT_IN[name]
        return {"roleName": role, "type": "BuiltInRole", "permissions": [{"actions": actions, "notActions": []}]}
    for key, body in world.documents.list(resources.KIND):
        if f"/{DEFINITIONS}/" in key and key.endswith(f"/{name}"):
            properties: Document = body["properties"]
            return properties
    return None


def recompute(world: World) -> None:
    """Say anew what every assignment allows; called whenever a role or an assignment has changed."""
    rights: dict[str, list[Document]] = {}
    for key, body in world.documents.list(resources.KIND):
        if f"/{ASSIGNMENTS}/" not in key:
            continue
        properties = body["properties"]
        role = definition(world, properties["roleDefinitionId"]) or {"permissions": []}
        allowed = {"scope": str(properties["scope"]).lower(), "permissions": role["permissions"]}
        rights.setdefault(properties["principalId"], []).append(allowed)
    for principal in {key for key, _ in world.documents.list(KIND)} - rights.keys():
        world.documents.delete(KIND, principal)
    for principal, allowed_here in rights.items():
        world.documents.put(KIND, principal, {"rights": allowed_here})


def allowed(world: World, program: str, action: str, scope: str) -> bool | None:
    """Whether an assignment at `scope` or above allows the action; None for a program without one in the group."""
    held = permissions(world, program, scope)
    return None if held is None else any(_covers(permission, action.lower()) for permission in held)


def permissions(world: World, program: str, scope: str) -> list[Document] | None:
    """What the assignments at `scope` and above permit; None for a program without an assignment in the group."""
    found = world.documents.get(KIND, object_id(program))
    group = f"/resourcegroups/{parse(scope).group.lower()}/"
    here = f"{scope.lower().rstrip('/')}/"
    rights = [right for right in (found or {"rights": []})["rights"] if group in f"{right['scope']}/"]
    if not rights:
        return None
    covering = [right for right in rights if here.startswith(right["scope"].rstrip("/") + "/")]
    return [permission for right in covering for permission in right["permissions"]]


def _covers(permission: Document, action: str) -> bool:
    def matches(patterns: list[str]) -> bool:
        return any(fnmatchcase(action, pattern.lower()) for pattern in patterns)

    return matches(permission.get("actions") or []) and not matches(permission.get("notActions") or [])
