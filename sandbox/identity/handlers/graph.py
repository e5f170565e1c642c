"""Microsoft Graph, as far as an application asks it for a person's app roles; and a script's way to assign them."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.accounts import PEOPLE, SIGN_IN_CLIENT_ID, TENANT, Person
from sandbox.identity.assignments import assign, roles_of
from sandbox.identity.calls import Call
from sandbox.identity.tokens import authenticate, object_id, person_named

ROLES = ("viewer", "scientist", "lead", "operator", "app_developer", "auditor", "administrator")
SERVICE_PRINCIPAL = object_id("service principal of the console")
MAY_ASK = frozenset({"mlops-console", "mlops-setup", "mlops-worker"})
"""Programs that an administrator has granted the application permission to read the directory."""


def service_principal(call: Call) -> Response:
    """`GET /servicePrincipals(appId='...')`: the application in this directory, with the roles it declares."""
    refused = _refused(call)
    if refused is not None:
        return refused
    if call.path["app"].lower() != SIGN_IN_CLIENT_ID:
        return _error(404, "Request_ResourceNotFound", f"Resource '{call.path['app']}' does not exist.")
    roles = [{"id": _role_id(role), "value": role, "displayName": role, "isEnabled": True} for role in ROLES]
    return JSONResponse({"id": SERVICE_PRINCIPAL, "appId": SIGN_IN_CLIENT_ID, "appRoles": roles})


def role_assignments(call: Call) -> Response:
    """`GET /users/{id}/appRoleAssignments`: what the person, or a group they are a direct member of, was assigned.

    Filtered by `resourceId` where that is asked for, as the only filter the service allows.
    """
    refused = _refused(call)
    if refused is not None:
        return refused
    person = _person(call.path["user"])
    if person is None:
        return _error(404, "Request_ResourceNotFound", f"Resource '{call.path['user']}' does not exist.")
    wanted = call.query.get("$filter", "")
    if wanted not in {"", f"resourceId eq {SERVICE_PRINCIPAL}"}:
        return JSONResponse({"value": []})
    rows = [_assignment(person, role) for role in roles_of(call.world, person)]
    return JSONResponse({"value": rows})


def assign_by_script(call: Call) -> Response:
    """What an administrator does in Entra's portal, for scripts: `{"account": ..., "roles": "lead,operator"}`."""
    try:
        person = person_named(call.form.get("account", ""))
    except LookupError as error:
        return JSONResponse({"error": str(error)}, 404)
    roles = tuple(role for role in call.form.get("roles", "").split(",") if role)
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        return JSONResponse({"error": f"No such role: {', '.join(unknown)}; the roles are {', '.join(ROLES)}"}, 400)
    assign(call.world, person, roles)
    return JSONResponse({"account": person.login, "roles": list(roles)})


def _assignment(person: Person, role: str) -> dict[str, Any]:
    return {
        "id": uuid.uuid5(uuid.UUID(TENANT), f"{person.login} is {role}").hex,
        "appRoleId": _role_id(role),
        "principalId": object_id(person.login),
        "principalType": "User",
        "principalDisplayName": person.name,
        "resourceId": SERVICE_PRINCIPAL,
        "resourceDisplayName": "MLOps Console",
    }


def _role_id(role: str) -> str:
    return object_id(f"app role {role}")


def _person(wanted: str) -> Person | None:
    return next((person for person in PEOPLE if wanted in {object_id(person.login), person.login}), None)


def _refused(call: Call) -> Response | None:
    principal = authenticate(call.world, call.headers.get("authorization"))
    if principal is None:
        return _error(401, "InvalidAuthenticationToken", "Access token is empty, invalid or expired.")
    if principal.kind != "program" or principal.name not in MAY_ASK:
        return _error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    return None


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
