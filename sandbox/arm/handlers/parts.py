"""What a workspace stands on, and what watches an endpoint: kept as written, checked for what Azure refuses.

A storage account is made in the background, as Azure makes it: 202 first, and there once its operation has ended.
An alert rule is refused where `sandbox.monitor` could not judge it; nobody is written to when it fires.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from starlette.responses import JSONResponse, Response

from sandbox.accounts import SUBSCRIPTION
from sandbox.arm import operations, resources
from sandbox.arm.errors import ArmError, bad_request
from sandbox.arm.handlers.groups import require_group
from sandbox.arm.handlers.plain import get, list_all
from sandbox.arm.routing import Call, Handler
from sandbox.monitor.alert_rules import UnjudgedError, read_rule
from sandbox.state.documents import Document

STORAGE = "Microsoft.Storage/storageAccounts"
VAULTS = "Microsoft.KeyVault/vaults"
INSIGHTS = "Microsoft.Insights/components"
ACTION_GROUPS = "Microsoft.Insights/actionGroups"
METRIC_ALERTS = "Microsoft.Insights/metricAlerts"
ACCOUNT_NAME = re.compile(r"^[a-z0-9]{3,24}$")
VAULT_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$")


def handlers() -> dict[str, Handler]:
    table: dict[str, Handler] = {f"PUT {STORAGE}/*": put_storage}
    for type_name, check in CHECKS.items():
        table[f"PUT {type_name}/*"] = _putter(check)
    for type_name in (STORAGE, *CHECKS):
        table |= {f"GET {type_name}/*": get, f"GET {type_name}": list_all}
    return table


def put_storage(call: Call) -> Response:
    """Make or change a storage account: 202 and an operation for a new one."""
    require_group(call.world, call.id.subscription, call.id.group)
    body = _body(call)
    if not ACCOUNT_NAME.match(call.id.name):
        raise bad_request(
            f"{call.id.name} is not a valid storage account name. Storage account name must be between 3 and 24 "
            "characters in length and use numbers and lower-case letters only.",
            code="AccountNameInvalid",
        )
    if call.body.get("kind") is None or not (call.body.get("sku") or {}).get("name"):
        raise bad_request("A storage account needs a sku and a kind.", code="InvalidRequestContent")
    body["properties"] |= {"provisioningState": "Succeeded"}
    if resources.get(call.world, call.id.text) is not None:
        return JSONResponse(resources.put(call.world, call.id.text, body, call.principal.name))
    identity, actor = call.id.text, call.principal.name
    headers = operations.begin(call.world, identity, lambda: _made(call, identity, body, actor))
    return Response(status_code=202, headers=headers)


def _made(call: Call, identity: str, body: Document, actor: str) -> None:
    resources.put(call.world, identity, body, actor)


def _check_vault(call: Call, body: Document) -> None:
    properties = body["properties"]
    if not VAULT_NAME.match(call.id.name):
        raise bad_request(f"The vault name '{call.id.name}' is invalid.", code="VaultNameNotValid")
    if not properties.get("tenantId") or not properties.get("sku"):
        raise bad_request("The parameters tenantId and sku must be given.", code="BadRequest")
    before = (resources.get(call.world, call.id.text) or {}).get("properties") or {}
    if before.get("enablePurgeProtection") and properties.get("enablePurgeProtection") is False:
        raise bad_request("The property enablePurgeProtection cannot be set to false.", code="BadRequest")
    properties |= {"provisioningState": "Succeeded", "vaultUri": f"https://{call.id.name}.vault.azure.net/"}
    properties.setdefault("enableSoftDelete", True)


def _check_insights(call: Call, body: Document) -> None:
    linked = body["properties"].get("WorkspaceResourceId")
    if not linked or resources.get(call.world, str(linked)) is None:
        raise bad_request("WorkspaceResourceId must name a Log Analytics workspace that exists.", code="BadRequest")
    key = str(uuid.uuid5(uuid.UUID(SUBSCRIPTION), call.id.key))
    body["properties"] |= {"provisioningState": "Succeeded", "InstrumentationKey": key, "IngestionMode": "LogAnalytics"}


def _check_action_group(_call: Call, body: Document) -> None:
    properties = body["properties"]
    if not properties.get("groupShortName") or len(properties["groupShortName"]) > 12:
        raise bad_request("groupShortName is required, with at most 12 characters.", code="BadRequest")


def _check_alert(call: Call, body: Document) -> None:
    properties = body["properties"]
    for scope in properties.get("scopes") or [""]:
        if resources.get(call.world, str(scope)) is None:
            raise ArmError(404, "ResourceNotFound", f"The alert rule's target '{scope}' was not found.")
    try:
        read_rule(body)
    except UnjudgedError as error:
        raise bad_request(str(error), code="BadRequest") from error
    for action in properties.get("actions") or []:
        if resources.get(call.world, str(action.get("actionGroupId"))) is None:
            raise bad_request(f"The action group '{action.get('actionGroupId')}' does not exist.", code="BadRequest")


CHECKS: dict[str, Callable[[Call, Document], None]] = {
    VAULTS: _check_vault,
    INSIGHTS: _check_insights,
    ACTION_GROUPS: _check_action_group,
    METRIC_ALERTS: _check_alert,
}


def _putter(check: Callable[[Call, Document], None]) -> Handler:
    def put(call: Call) -> Response:
        """Make or change it; what Azure requires is required."""
        require_group(call.world, call.id.subscription, call.id.group)
        body = _body(call)
        check(call, body)
        before = resources.get(call.world, call.id.text)
        stored = resources.put(call.world, call.id.text, body, call.principal.name)
        return JSONResponse(stored, 200 if before else 201)

    return put


def _body(call: Call) -> Document:
    if not call.body.get("location"):
        raise bad_request("The location property is required for this definition.", code="LocationRequired")
    kept: Document = {key: value for key, value in call.body.items() if key in {"location", "tags", "sku", "kind"}}
    return {**kept, "properties": dict(call.body.get("properties") or {})}
