"""Resources that are only remembered: diagnostic settings and Log Analytics workspaces."""

from __future__ import annotations

import uuid

from starlette.responses import JSONResponse, Response

from sandbox.accounts import SUBSCRIPTION
from sandbox.arm import resources
from sandbox.arm.errors import bad_request, not_found
from sandbox.arm.routing import Call, Handler, listing
from sandbox.state.documents import Document

LOG_ANALYTICS = "Microsoft.OperationalInsights/workspaces"
TYPES = ("Microsoft.Insights/diagnosticSettings", LOG_ANALYTICS)


def handlers() -> dict[str, Handler]:
    table: dict[str, Handler] = {}
    for type_name in TYPES:
        table |= {f"PUT {type_name}/*": put, f"GET {type_name}/*": get, f"DELETE {type_name}/*": delete}
        table[f"GET {type_name}"] = list_all
    return table


def put(call: Call) -> Response:
    properties = call.body.get("properties")
    if not isinstance(properties, dict):
        raise bad_request(f"{call.id.text} needs an object 'properties'.", code="InvalidRequestContent")
    before = resources.get(call.world, call.id.text)
    body: Document = {key: value for key, value in call.body.items() if key in {"location", "tags", "sku"}}
    body["properties"] = {**properties, **_computed(call, before)}
    stored = resources.put(call.world, call.id.text, body, call.principal.name)
    return JSONResponse(stored, 200 if before else 201)


def get(call: Call) -> Response:
    found = resources.get(call.world, call.id.text)
    if found is None:
        raise not_found(call.id.text)
    return JSONResponse(found)


def list_all(call: Call) -> Response:
    type_name = call.id.text.rpartition("/providers/")[2]
    scope = call.id.text[: -len(f"/providers/{type_name}")]
    found = resources.children(
        call.world, f"{scope}/providers/{type_name.partition('/')[0]}", type_name.partition("/")[2]
    )
    return listing(found)


def delete(call: Call) -> Response:
    return Response(status_code=200 if resources.delete(call.world, call.id.text) else 204)


def _computed(call: Call, before: Document | None) -> Document:
    """What the service adds: a Log Analytics workspace's `customerId` is what queries are addressed to."""
    known = (before or {}).get("properties") or {}
    if call.id.type == LOG_ANALYTICS.lower():
        identity = known.get("customerId") or str(uuid.uuid5(uuid.UUID(SUBSCRIPTION), call.id.key))
        return {"customerId": identity, "provisioningState": "Succeeded"}
    return {}
