"""onlineEndpoints/listKeys and regenerateKeys."""

from __future__ import annotations

import secrets
from functools import partial

from starlette.responses import JSONResponse, Response

from sandbox.arm import operations, resources
from sandbox.arm.errors import bad_request, not_found
from sandbox.arm.routing import Call, Handler
from sandbox.endpoints.directory import KEYS
from sandbox.endpoints.plant import Plant
from sandbox.state.documents import Document

PATTERN = "workspaces/*/onlineEndpoints/*"


def handlers(plant: Plant) -> dict[str, Handler]:
    return {
        f"POST {PATTERN}/listKeys": list_keys,
        f"POST {PATTERN}/regenerateKeys": partial(regenerate, plant),
    }


def new_key() -> str:
    return secrets.token_urlsafe(32)


def list_keys(call: Call) -> Response:
    """Both keys of an endpoint."""
    _, keys = _keys(call)
    return JSONResponse({"primaryKey": keys["primaryKey"], "secondaryKey": keys["secondaryKey"]})


def regenerate(plant: Plant, call: Call) -> Response:
    """Replace one key, by a given value or a new random one; the other stays valid.

    azure-ai-ml sends the current key as `keyValue` and expects another one.
    """
    endpoint_id, keys = _keys(call)
    field = {"primary": "primaryKey", "secondary": "secondaryKey"}.get(str(call.body.get("keyType", "")).lower())
    if field is None:
        raise bad_request("keyType must be Primary or Secondary.", code="BadArgument", target="keyType")
    given = str(call.body.get("keyValue") or "")
    value = new_key() if given in {"", keys[field]} else given

    call.world.documents.update(KEYS, endpoint_id.lower(), lambda keys: {**keys, field: value})
    plant.directory.forget()
    return Response(status_code=202, headers=operations.begin(call.world, endpoint_id, plant.directory.forget))


def _keys(call: Call) -> tuple[str, Document]:
    endpoint_id = call.id.text.rpartition("/")[0]
    endpoint = resources.get(call.world, endpoint_id)
    keys = call.world.documents.get(KEYS, endpoint_id.lower())
    if endpoint is None or keys is None:
        raise not_found(endpoint_id)
    return endpoint["id"], keys
