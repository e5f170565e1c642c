"""User-assigned identities and whom they trust. One that is named as a program of this world is that program."""

from __future__ import annotations

import uuid

from starlette.responses import JSONResponse, Response

from sandbox.accounts import SUBSCRIPTION, TENANT
from sandbox.arm import resources
from sandbox.arm.errors import bad_request, not_found
from sandbox.arm.handlers.groups import require_group
from sandbox.arm.routing import Call, Handler, listing
from sandbox.identity.federation import CREDENTIALS
from sandbox.identity.tokens import actions_issuer, object_id, program_named
from sandbox.state.documents import Document
from sandbox.world import World

IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
FEDERATED = f"{IDENTITIES}/*/federatedIdentityCredentials"
OWN_ISSUER = "actions"
"""Stands for this world's own address, whose port may be another one after a restart."""


def handlers() -> dict[str, Handler]:
    return {
        f"GET {IDENTITIES}/*": get,
        f"PUT {IDENTITIES}/*": put,
        f"GET {FEDERATED}": list_credentials,
        f"GET {FEDERATED}/*": get_credential,
        f"PUT {FEDERATED}/*": put_credential,
        f"DELETE {FEDERATED}/*": delete_credential,
    }


def get(call: Call) -> Response:
    found = resources.get(call.world, call.id.text)
    if found is None:
        raise not_found(call.id.text)
    return JSONResponse(found)


def put(call: Call) -> Response:
    """Make an identity; its client and principal ids are Azure's to choose."""
    require_group(call.world, call.id.subscription, call.id.group)
    if not call.body.get("location"):
        raise bad_request("The location property is required for this definition.", code="LocationRequired")
    before = resources.get(call.world, call.id.text)
    program = program_named(call.id.name)
    made = str(uuid.uuid5(uuid.UUID(SUBSCRIPTION), call.id.key))
    properties = {
        "tenantId": TENANT,
        "principalId": object_id(call.id.name),
        "clientId": program.client_id if program is not None else made,
    }
    body = {"location": call.body["location"], "tags": call.body.get("tags") or {}, "properties": properties}
    stored = resources.put(call.world, call.id.text, body, call.principal.name)
    return JSONResponse(stored, 200 if before else 201)


def list_credentials(call: Call) -> Response:
    """Whom the identity trusts."""
    found = resources.children(call.world, call.id.target, "federatedIdentityCredentials")
    return listing([_shown(call.world, body) for body in found])


def get_credential(call: Call) -> Response:
    found = resources.get(call.world, call.id.text)
    if found is None:
        raise not_found(call.id.text)
    return JSONResponse(_shown(call.world, found))


def put_credential(call: Call) -> Response:
    """Trust the tokens of one issuer with one subject; compared literally when a token is exchanged."""
    if resources.get(call.world, call.id.parent) is None:
        raise not_found(call.id.parent)
    properties = call.body.get("properties") or {}
    if any(not properties.get(name) for name in ("issuer", "subject", "audiences")):
        raise bad_request("A federated identity credential needs issuer, subject and audiences.")
    own = properties["issuer"].rstrip("/") == actions_issuer(call.world)
    kept = {**properties, "issuer": OWN_ISSUER} if own else properties
    before = resources.get(call.world, call.id.text)
    stored = resources.put(call.world, call.id.text, {"properties": kept}, call.principal.name)
    _remember(call)
    return JSONResponse(_shown(call.world, stored), 200 if before else 201)


def delete_credential(call: Call) -> Response:
    existed = resources.delete(call.world, call.id.text)
    _remember(call)
    return Response(status_code=200 if existed else 204)


def _remember(call: Call) -> None:
    """Let the token endpoint know whom this identity trusts now."""
    trusted = resources.children(call.world, call.id.parent, "federatedIdentityCredentials")
    name = call.id.parent.rpartition("/")[2]
    call.world.documents.put(
        CREDENTIALS, name.lower(), {"trusted": [_shown(call.world, t)["properties"] for t in trusted]}
    )


def _shown(world: World, body: Document) -> Document:
    properties = body["properties"]
    if properties["issuer"] != OWN_ISSUER:
        return body
    return {**body, "properties": {**properties, "issuer": actions_issuer(world)}}
