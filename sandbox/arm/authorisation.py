"""Who may do what in ARM: the role assignments of the hospital group's accounts, in code."""

from __future__ import annotations

from fnmatch import fnmatchcase

from starlette.requests import Request

from sandbox.arm import role_rights
from sandbox.arm.errors import ArmError
from sandbox.arm.ids import MACHINE_LEARNING, ResourceId, parse
from sandbox.identity.tokens import Principal, authenticate
from sandbox.world import World

ENDPOINT_WRITES = (
    "*/onlineendpoints/write",
    "*/onlineendpoints/delete",
    "*/onlineendpoints/deployments/write",
    "*/onlineendpoints/deployments/delete",
    "*/onlineendpoints/regeneratekeys/action",
)
OWN_PERMISSIONS = "microsoft.authorization/permissions/read"
"""Who asks what they may do is always answered."""
JOB_ACTIONS = ("*/read", "*/metadata/*", "*/experiments/*", "*/jobs/runs/*", "*/artifacts/*", "*/listsecrets/action")


def require(world: World, request: Request, action: str, resource_id: str) -> Principal:
    """The caller, allowed to do `action` (`Microsoft.X/type/write`); 401 without a token, 403 AuthorizationFailed."""
    principal = authenticate(world, request.headers.get("authorization"))
    if principal is None or principal.kind == "workflow":
        raise ArmError(
            401,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing, expired or not a token of this directory.",
            headers={"www-authenticate": f'Bearer authorization_uri="{world.settings.url}/"'},
        )
    if not may(world, principal, action, parse(resource_id)):
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"The client '{principal.name}' does not have authorization to perform action '{action}' "
            f"over scope '{resource_id}' or the scope is invalid.",
        )
    return principal


def may(world: World, principal: Principal, action: str, resource: ResourceId) -> bool:
    """Whether the roles that were assigned to a program allow it; without any, what it was born with."""
    if action.lower() == OWN_PERMISSIONS and principal.kind == "program":
        return True
    if principal.kind == "program" and not _everybody(action, resource):
        decided = role_rights.allowed(world, principal.name, action, resource.text)
        if decided is not None:
            return decided
    return permitted(principal, action, resource)


def permitted(principal: Principal, action: str, resource: ResourceId) -> bool:
    """A program reaches its workspaces, a job its own and little of it, people by role; endpoints are guarded apart."""
    action = action.lower()
    if principal.kind == "person":
        return "lead" in principal.roles or (
            not _any(action, ENDPOINT_WRITES) and ("scientist" in principal.roles or action.endswith("/read"))
        )
    if "*" not in principal.workspaces and not _reaches(principal, action, resource):
        return False
    if _any(action, ENDPOINT_WRITES):
        return principal.may_write_endpoints
    return principal.kind == "program" or _any(action, JOB_ACTIONS)


def visible(principal: Principal, workspace: str) -> bool:
    """Whether a listing shows this workspace to the caller."""
    return "*" in principal.workspaces or workspace.lower() in {name.lower() for name in principal.workspaces}


def _everybody(action: str, resource: ResourceId) -> bool:
    """Following one's own operation, and a listing that shows what one may see of it, need no role at the scope."""
    action = action.lower()
    lists = action == f"{MACHINE_LEARNING}/workspaces/read".lower() and not resource.workspace
    return lists or action.startswith(f"{MACHINE_LEARNING}/locations/".lower())


def _reaches(principal: Principal, action: str, resource: ResourceId) -> bool:
    if resource.workspace:
        return visible(principal, resource.workspace)
    above = f"{MACHINE_LEARNING}/workspaces/read".lower()
    return action in {
        above,
        "microsoft.resources/subscriptions/read",
        "microsoft.resources/subscriptions/resourcegroups/read",
    } or (action.startswith(f"{MACHINE_LEARNING}/locations/".lower()) and action.endswith("/read"))


def _any(action: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in patterns)
