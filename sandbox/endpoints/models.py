"""The ARM bodies of online endpoints and deployments: what a client sent, completed as the service completes it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.accounts import TENANT
from sandbox.arm import assets, resources
from sandbox.arm.errors import ArmError, bad_request
from sandbox.arm.ids import ResourceId, parse
from sandbox.arm.operations import LOCATION
from sandbox.endpoints.collection import collected, data_collector, rolling
from sandbox.endpoints.fleet import Order
from sandbox.identity.tokens import object_id
from sandbox.monitor.models import duration
from sandbox.runtime.servers import Specification
from sandbox.state.documents import Document
from sandbox.world import World

NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{1,30}[A-Za-z0-9])")
PROBE = {
    "failureThreshold": 30,
    "successThreshold": 1,
    "timeout": "PT2S",
    "period": "PT10S",
    "initialDelay": "PT10S",
}
REQUESTS = {"maxConcurrentRequestsPerInstance": 1, "requestTimeout": "PT5S", "maxQueueWait": "PT0.5S"}


def check_name(identity: ResourceId) -> None:
    """3 to 32 letters, digits and hyphens, starting with a letter, as the service demands."""
    if not NAME.fullmatch(identity.name):
        raise bad_request(
            f"The name {identity.name!r} is not valid: 3 to 32 letters, digits and '-', the first a letter, "
            "the last a letter or digit.",
            code="BadArgument",
            target="name",
        )


def endpoint_body(world: World, identity: ResourceId, sent: Document, before: Document | None) -> Document:
    """An endpoint as it is stored; traffic is set by the caller after it has been checked."""
    properties = _object(sent, "properties")
    if str(properties.get("authMode", "Key")).lower() != "key":
        raise bad_request(
            f"authMode {properties['authMode']} is not served here; use Key.", code="BadArgument", target="authMode"
        )
    base = f"{world.settings.url}/scoring/{identity.workspace}/{identity.name}"
    kept = (before or {}).get("properties", {})
    return {
        "location": sent.get("location") or LOCATION,
        "kind": "Managed",
        "tags": sent.get("tags") or {},
        "identity": {"type": "SystemAssigned", "tenantId": TENANT, "principalId": object_id(identity.key)},
        "properties": {
            "authMode": "Key",
            "description": properties.get("description"),
            "properties": {**_object(properties, "properties"), "azureml.onlineendpointid": identity.key},
            "publicNetworkAccess": "Enabled",
            "scoringUri": f"{base}/score" if before else None,
            "swaggerUri": f"{base}/swagger.json" if before else None,
            "traffic": kept.get("traffic", {}),
            "mirrorTraffic": kept.get("mirrorTraffic", {}),
            "provisioningState": "Updating" if before else "Creating",
        },
    }


def deployment_body(sent: Document) -> Document:
    """A deployment as it is stored, with the defaults that the SDK cannot do without."""
    properties = _object(sent, "properties")
    capacity = _object(sent, "sku").get("capacity", 1)
    if not isinstance(capacity, int) or not 1 <= capacity <= 100:
        raise bad_request(f"sku.capacity must be a whole number from 1 to 100, not {capacity!r}.", target="sku")
    if not properties.get("model"):
        raise bad_request("A deployment needs a model.", code="BadArgument", target="model")
    code = properties.get("codeConfiguration")
    if not isinstance(code, Mapping) or not code.get("codeId") or not code.get("scoringScript"):
        raise ArmError(
            501,
            "NotImplemented",
            "A deployment without a scoring script is not part of this sandbox: send codeConfiguration.",
        )
    return {
        "location": sent.get("location") or LOCATION,
        "kind": "Managed",
        "sku": {"name": "Default", "capacity": capacity},
        "tags": sent.get("tags") or {},
        "identity": sent.get("identity"),
        "properties": {
            **properties,
            "endpointComputeType": "Managed",
            "instanceType": properties.get("instanceType") or "Standard_DS3_v2",
            "environmentVariables": {k: str(v) for k, v in (properties.get("environmentVariables") or {}).items()},
            "scaleSettings": {"scaleType": "Default"},
            "requestSettings": {**REQUESTS, **(properties.get("requestSettings") or {})},
            "livenessProbe": {**PROBE, **(properties.get("livenessProbe") or {})},
            "readinessProbe": {**PROBE, **(properties.get("readinessProbe") or {})},
            "egressPublicNetworkAccess": "Enabled",
            "appInsightsEnabled": bool(properties.get("appInsightsEnabled")),
            "dataCollector": data_collector(properties.get("dataCollector")),
            "provisioningState": "Creating",
        },
    }


def order_for(world: World, deployment_id: str, body: Document) -> Order:
    """What the fleet has to run; ArmError 404 or 400 for an asset that is not there."""
    properties = body["properties"]
    model = str(properties["model"]).removeprefix("azureml:")
    names = parse(model).names if model.startswith("/subscriptions/") else ()
    if len(names) < 3:
        raise bad_request(
            f"The model {model!r} is not the ARM id of a model version.", code="BadArgument", target="model"
        )
    environment = str(properties.get("environmentId") or "")
    if environment.startswith("/subscriptions/"):
        assets.environment(world, environment)
    code = properties["codeConfiguration"]
    specification = Specification(
        code=assets.code_folder(world, code["codeId"]),
        script=str(code["scoringScript"]),
        model=assets.model_folder(world, model),
        model_name=names[-2],
        model_version=names[-1],
        variables=properties["environmentVariables"],
        collections=collected(properties),
        rolling=rolling(properties),
        source=deployment_id,
    )
    relevant = [str(specification.code), str(specification.model), specification.script, model, environment]
    collecting = [dict(specification.collections), specification.rolling] if specification.collections else []
    made_of = json.dumps([*relevant, dict(specification.variables), *collecting], sort_keys=True)
    return Order(
        deployment_id=deployment_id,
        fingerprint=hashlib.sha256(made_of.encode()).hexdigest(),
        specification=specification,
        image=environment.rpartition("/environments/")[2].replace("/versions/", ":") or "curated",
        patience_seconds=_patience(properties["livenessProbe"]),
    )


def request_timeout(deployment: Document) -> float:
    """Seconds the model may take for one request."""
    return duration(deployment["properties"]["requestSettings"]["requestTimeout"]).total_seconds()


def set_state(world: World, resource_id: str, state: str, **properties: Any) -> Document | None:
    """Write the provisioning state, and further properties, of an endpoint or deployment that still exists."""

    def change(stored: Document) -> Document:
        return {**stored, "properties": {**stored["properties"], **properties, "provisioningState": state}}

    return resources.update(world, resource_id, change)


def _patience(probe: Mapping[str, Any]) -> float:
    """Seconds after which a container that never answered has failed its liveness probe."""
    try:
        pauses = duration(str(probe["initialDelay"])), duration(str(probe["period"]))
        return pauses[0].total_seconds() + pauses[1].total_seconds() * int(probe["failureThreshold"])
    except ValueError as error:
        raise bad_request(f"The liveness probe is not valid: {error}.", target="livenessProbe") from error


def _object(container: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = container.get(name) or {}
    if not isinstance(found, Mapping):
        raise bad_request(f"{name} must be an object.", code="InvalidRequestContent", target=name)
    return found
