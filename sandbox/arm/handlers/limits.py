"""What a subscription may use and does use, and what the caller may do at a scope."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.arm import resources, role_rights
from sandbox.arm.authorisation import ENDPOINT_WRITES
from sandbox.arm.ids import MACHINE_LEARNING
from sandbox.arm.operations import LOCATION
from sandbox.arm.routing import Call, Handler, listing
from sandbox.state.documents import Document

FAMILIES = {"standardDSv2Family": "Standard DSv2 Family", "standardDSv3Family": "Standard DSv3 Family"}
SIZES = {
    "Standard_DS1_v2": ("standardDSv2Family", 1, 3.5),
    "Standard_DS2_v2": ("standardDSv2Family", 2, 7.0),
    "Standard_DS3_v2": ("standardDSv2Family", 4, 14.0),
    "Standard_DS4_v2": ("standardDSv2Family", 8, 28.0),
    "Standard_D2s_v3": ("standardDSv3Family", 2, 8.0),
    "Standard_D4s_v3": ("standardDSv3Family", 4, 16.0),
}
LIMIT = 24
"""Dedicated vCPUs of each family, as a new pay-as-you-go subscription has them. Nothing is refused for it here."""


def handlers() -> dict[str, Handler]:
    return {
        f"GET {MACHINE_LEARNING}/locations/*/usages": usages,
        f"GET {MACHINE_LEARNING}/locations/*/vmSizes": sizes,
        "GET Microsoft.Authorization/permissions": permissions,
    }


def usages(call: Call) -> Response:
    """How many vCPUs of each family deployments use, and how many may be used."""
    if call.id.names[0].lower() != LOCATION:
        return listing([])
    used = dict.fromkeys(FAMILIES, 0)
    for key, body in call.world.documents.list(resources.KIND):
        if "/onlineendpoints/" in key and "/deployments/" in key:
            family, cores = _cores(body)
            if family:
                used[family] += cores
    return listing(
        [
            {
                "id": f"{call.id.text}/{family}",
                "type": f"{MACHINE_LEARNING}/usages",
                "unit": "Count",
                "currentValue": used[family],
                "limit": LIMIT,
                "name": {"value": family, "localizedValue": f"{name} Cluster Dedicated vCPUs"},
            }
            for family, name in FAMILIES.items()
        ]
    )


def sizes(_call: Call) -> Response:
    """The instance types of this region, with family and cores."""
    return listing(
        [
            {"name": name, "family": family, "vCPUs": cores, "memoryGB": memory, "gpus": 0, "lowPriorityCapable": True}
            for name, (family, cores, memory) in SIZES.items()
        ]
    )


def permissions(call: Call) -> Response:
    """What the caller may do at this scope, by assigned roles or as it was born."""
    scope = call.id.text.rpartition("/providers/")[0]
    assigned = role_rights.permissions(call.world, call.principal.name, scope)
    if assigned is not None:
        return listing(assigned)
    withheld = [] if call.principal.may_write_endpoints else list(ENDPOINT_WRITES)
    return listing([{"actions": ["*"], "notActions": withheld}])


def _cores(deployment: Document) -> tuple[str, int]:
    size = str((deployment.get("properties") or {}).get("instanceType"))
    family, cores, _ = SIZES.get(size, ("", 0, 0.0))
    return family, cores * int((deployment.get("sku") or {}).get("capacity") or 1)
