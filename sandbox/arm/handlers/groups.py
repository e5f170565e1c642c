"""Subscriptions and resource groups."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sandbox.accounts import SUBSCRIPTION, TENANT
from sandbox.arm import resources
from sandbox.arm.errors import ArmError, bad_request
from sandbox.arm.operations import LOCATION
from sandbox.arm.routing import Call, Handler, listing
from sandbox.state.documents import Document
from sandbox.world import World

GROUPS = "subscriptions/*/resourceGroups"


def handlers() -> dict[str, Handler]:
    return {
        "GET subscriptions": list_subscriptions,
        "GET subscriptions/*": get_subscription,
        f"GET {GROUPS}": list_groups,
        f"GET {GROUPS}/*": get_group,
        f"HEAD {GROUPS}/*": head_group,
        f"PUT {GROUPS}/*": put_group,
    }


def require_group(world: World, subscription: str, group: str) -> None:
    """404 unless the group exists: nothing can be created outside one."""
    if resources.get(world, f"/subscriptions/{subscription}/resourceGroups/{group}") is None:
        raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def list_subscriptions(_call: Call) -> Response:
    return listing([_subscription()])


def get_subscription(call: Call) -> Response:
    if call.id.subscription.lower() != SUBSCRIPTION:
        raise ArmError(404, "SubscriptionNotFound", f"The subscription '{call.id.subscription}' could not be found.")
    return JSONResponse(_subscription())


def list_groups(call: Call) -> Response:
    return listing(resources.children(call.world, call.id.target, "resourceGroups"))


def get_group(call: Call) -> Response:
    require_group(call.world, call.id.subscription, call.id.group)
    return JSONResponse(resources.get(call.world, call.id.text))


def head_group(call: Call) -> Response:
    found = resources.get(call.world, call.id.text)
    return Response(status_code=404 if found is None else 204)


def put_group(call: Call) -> Response:
    if call.id.subscription.lower() != SUBSCRIPTION:
        raise ArmError(404, "SubscriptionNotFound", f"The subscription '{call.id.subscription}' could not be found.")
    if not call.body.get("location"):
        raise bad_request("The location property is required for this definition.", code="LocationRequired")
    existed = resources.get(call.world, call.id.text) is not None
    body = {"location": call.body["location"], "tags": call.body.get("tags") or {}}
    stored = resources.put(
        call.world, call.id.text, body | {"properties": {"provisioningState": "Succeeded"}}, call.principal.name
    )
    stored["type"] = "Microsoft.Resources/resourceGroups"
    return JSONResponse(stored, 200 if existed else 201)


def _subscription() -> Document:
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "displayName": "Hospital group",
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": LOCATION, "quotaId": "", "spendingLimit": "Off"},
    }
