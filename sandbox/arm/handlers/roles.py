"""Role definitions and assignments. They count: what an identity may do follows from them as soon as it has one."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sandbox.arm import resources, role_rights
from sandbox.arm.errors import ArmError, bad_request, not_found
from sandbox.arm.handlers.plain import get, list_all
from sandbox.arm.routing import Call, Handler, listing
from sandbox.state.documents import Document

DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"


def handlers() -> dict[str, Handler]:
    return {
        f"GET {DEFINITIONS}": list_all,
        f"GET {DEFINITIONS}/*": get_definition,
        f"PUT {DEFINITIONS}/*": put_definition,
        f"GET {ASSIGNMENTS}": list_assignments,
        f"GET {ASSIGNMENTS}/*": get,
        f"PUT {ASSIGNMENTS}/*": put_assignment,
        f"DELETE {ASSIGNMENTS}/*": delete_assignment,
    }


def get_definition(call: Call) -> Response:
    """A custom role as it was written, or a built-in one."""
    found = resources.get(call.world, call.id.text)
    if found is not None:
        return JSONResponse(found)
    built_in = role_rights.definition(call.world, call.id.text)
    if built_in is None:
        raise not_found(call.id.text)
    return JSONResponse({"id": call.id.text, "name": call.id.name, "type": DEFINITIONS, "properties": built_in})


def put_definition(call: Call) -> Response:
    """A custom role; it needs a name, permissions and the scopes at which it may be assigned."""
    properties = call.body.get("properties")
    needed = ("roleName", "permissions", "assignableScopes")
    if not isinstance(properties, dict) or any(not properties.get(name) for name in needed):
        raise bad_request(
            f"The role definition needs {', '.join(needed)}.", code="InvalidRoleDefinition", target="properties"
        )
    before = resources.get(call.world, call.id.text)
    stored = resources.put(
        call.world, call.id.text, {"properties": {**properties, "type": "CustomRole"}}, call.principal.name
    )
    role_rights.recompute(call.world)
    return JSONResponse(stored, 200 if before else 201)


def list_assignments(call: Call) -> Response:
    """The assignments at this scope, above it and below it, as Azure lists them without a filter."""
    here = call.id.text.lower().partition("/providers/microsoft.authorization/")[0].rstrip("/") + "/"

    def concerns(scope: str) -> bool:
        there = scope.lower().rstrip("/") + "/"
        return there.startswith(here) or here.startswith(there)

    found = [
        body
        for key, body in call.world.documents.list(resources.KIND)
        if f"/{role_rights.ASSIGNMENTS}/" in key and concerns(body["properties"]["scope"])
    ]
    return listing(found)


def put_assignment(call: Call) -> Response:
    """Give a principal a role at a scope. An assignment is never changed, and the same one is made only once."""
    properties = call.body.get("properties") or {}
    principal, role = str(properties.get("principalId", "")), str(properties.get("roleDefinitionId", ""))
    if not principal or not role:
        raise bad_request("An assignment needs principalId and roleDefinitionId.", code="BadRequestFormat")
    if role_rights.definition(call.world, role) is None:
        raise ArmError(
            400, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{role}' does not exist."
        )
    before = resources.get(call.world, call.id.text)
    if before is not None:
        if _same(before["properties"], principal, role):
            return JSONResponse(before)
        raise ArmError(
            400,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )
    scope = call.id.scope or "/"
    if any(_same(other["properties"], principal, role) for other in _at(call, scope)):
        raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")
    body = {"properties": {**properties, "scope": scope}}
    stored = resources.put(call.world, call.id.text, body, call.principal.name)
    role_rights.recompute(call.world)
    return JSONResponse(stored, 201)


def delete_assignment(call: Call) -> Response:
    """Take the role away at once; Azure needs up to ten minutes."""
    existed = resources.delete(call.world, call.id.text)
    role_rights.recompute(call.world)
    return Response(status_code=200 if existed else 204)


def _at(call: Call, scope: str) -> list[Document]:
    return resources.children(call.world, f"{scope}/providers/Microsoft.Authorization", "roleAssignments")


def _same(properties: Document, principal: str, role: str) -> bool:
    return bool(
        properties["principalId"] == principal
        and properties["roleDefinitionId"].rpartition("/")[2].lower() == role.rpartition("/")[2].lower()
    )
