"""Azure ML workspaces, and what exists as soon as one does: two datastores on one storage account."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.accounts import TENANT
from sandbox.arm import resources
from sandbox.arm.authorisation import visible
from sandbox.arm.errors import ArmError, not_found
from sandbox.arm.ids import MACHINE_LEARNING, ResourceId, workspace_id
from sandbox.arm.routing import Call, Handler, listing
from sandbox.blob.access import account_signature
from sandbox.blob.files import ARTEFACTS, BLOBSTORE, account_name, container_path
from sandbox.state.documents import Document
from sandbox.tracking.server import want
from sandbox.world import World

DATASTORES = {"workspaceblobstore": BLOBSTORE, "workspaceartifactstore": ARTEFACTS}
DEFAULT_DATASTORE = "workspaceblobstore"


def handlers() -> dict[str, Handler]:
    return {
        "GET workspaces": list_workspaces,
        "GET workspaces/*": get_workspace,
        "GET workspaces/*/datastores": list_datastores,
        "GET workspaces/*/datastores/*": get_datastore,
        "POST workspaces/*/datastores/*/listSecrets": list_secrets,
    }


def create_workspace(world: World, deployment: ResourceId, parameters: Mapping[str, Any], actor: str) -> None:
    """What the template's parameters describe. A workspace that exists keeps its id and data."""
    name = str(parameters["workspaceName"])
    identity = workspace_id(deployment.subscription, deployment.group, name)
    account = account_name(name)
    owner = next(
        (w for w in _all(world) if account_name(w["name"]) == account and w["id"].lower() != identity.lower()), None
    )
    if owner is not None:
        raise ArmError(409, "StorageAccountAlreadyTaken", f"The storage account {account} belongs to {owner['name']}.")
    group = f"/subscriptions/{deployment.subscription}/resourceGroups/{deployment.group}/providers"
    _check_existing(world, group, name, parameters)
    before = (resources.get(world, identity) or {}).get("properties") or {}
    properties = {
        "workspaceId": before.get("workspaceId") or str(uuid.uuid4()),
        "friendlyName": parameters.get("friendlyName") or name,
        "description": parameters.get("description") or "",
        "storageAccount": f"{group}/Microsoft.Storage/storageAccounts/{account}",
        "keyVault": f"{group}/Microsoft.KeyVault/vaults/{parameters.get('keyVaultName')}",
        "applicationInsights": f"{group}/Microsoft.Insights/components/{parameters.get('applicationInsightsName')}",
        "discoveryUrl": f"{world.settings.url}/discovery",
        "mlFlowTrackingUri": f"azureml://localhost:{world.settings.port}/mlflow/v1.0{identity}",
        "tenantId": TENANT,
        "publicNetworkAccess": "Enabled",
        "hbiWorkspace": False,
        "provisioningState": "Succeeded",
    }
    body: Document = {"location": parameters["location"], "kind": "Default", "properties": properties}
    body["tags"] = parameters.get("tagValues") or {}
    body["identity"] = {
        "type": "SystemAssigned",
        "tenantId": TENANT,
        "principalId": str(uuid.uuid5(uuid.UUID(TENANT), name)),
    }
    body["sku"] = {"name": "Basic", "tier": "Basic"}
    for datastore, container in DATASTORES.items():
        container_path(world, account, container)
        resources.put(
            world, f"{identity}/datastores/{datastore}", _datastore(world, datastore, account, container), actor
        )
    resources.put(world, identity, body, actor)
    want(world)


def _check_existing(world: World, group: str, workspace: str, parameters: Mapping[str, Any]) -> None:
    """Parts that the template only refers to must be there; the bytes of a workspace lie in an account of its name."""
    kinds = {
        "storageAccount": "Microsoft.Storage/storageAccounts",
        "keyVault": "Microsoft.KeyVault/vaults",
        "applicationInsights": "Microsoft.Insights/components",
    }
    for part, kind in kinds.items():
        name = str(parameters.get(f"{part}Name"))
        if parameters.get(f"{part}Option") == "existing" and resources.get(world, f"{group}/{kind}/{name}") is None:
            raise not_found(f"{group}/{kind}/{name}")
    storage = str(parameters.get("storageAccountName"))
    if parameters.get("storageAccountOption") == "existing" and storage != account_name(workspace):
        raise ArmError(
            501, "NotImplemented", f"The storage account of {workspace} can only be {account_name(workspace)} here."
        )


def require_workspace(world: World, identity: ResourceId) -> Document:
    """The workspace an id lies in; 404 if there is none, as ARM says for everything below a missing parent."""
    found = resources.get(world, identity.workspace_id)
    if found is None:
        raise not_found(identity.workspace_id)
    return found


def list_workspaces(call: Call) -> Response:
    prefix = call.id.text.lower() + "/"
    found = [w for w in _all(call.world) if w["id"].lower().startswith(prefix.partition("/providers/")[0] + "/")]
    return listing([_at_this_address(call.world, w) for w in found if visible(call.principal, w["name"])])


def get_workspace(call: Call) -> Response:
    return JSONResponse(_at_this_address(call.world, require_workspace(call.world, call.id)))


def list_datastores(call: Call) -> Response:
    require_workspace(call.world, call.id)
    found = resources.children(call.world, call.id.target, "datastores")
    if "isDefault" in call.query:
        wanted = call.query["isDefault"].lower() == "true"
        found = [datastore for datastore in found if datastore["properties"]["isDefault"] == wanted]
    return listing(found)


def get_datastore(call: Call) -> Response:
    return JSONResponse(_required_datastore(call, call.id.text))


def list_secrets(call: Call) -> Response:
    """A shared access signature; azure-ai-ml's own storage URL leaves no room for an account key here."""
    properties = _required_datastore(call, call.id.target)["properties"]
    writes = call.principal.kind != "job" and not _reads_only(call)
    token = account_signature(call.world, properties["accountName"], "rwdlac" if writes else "rl")
    return JSONResponse({"secretsType": "Sas", "sasToken": token})


def _reads_only(call: Call) -> bool:
    return call.principal.kind == "person" and not {"lead", "scientist"} & set(call.principal.roles)


def _required_datastore(call: Call, identity: str) -> Document:
    found = resources.get(call.world, identity)
    if found is None:
        raise not_found(identity)
    return found


def _all(world: World) -> list[Document]:
    marker = f"/providers/{MACHINE_LEARNING}/workspaces/".lower()
    return [
        body
        for key, body in world.documents.list(resources.KIND)
        if marker in key and "/" not in key.partition(marker)[2]
    ]


def _at_this_address(world: World, workspace: Document) -> Document:
    """The port may differ from the one at which the workspace was made."""
    address = {
        "discoveryUrl": f"{world.settings.url}/discovery",
        "mlFlowTrackingUri": f"azureml://localhost:{world.settings.port}/mlflow/v1.0{workspace['id']}",
    }
    return {**workspace, "properties": {**workspace["properties"], **address}}


def _datastore(world: World, name: str, account: str, container: str) -> Document:
    return {
        "properties": {
            "datastoreType": "AzureBlob",
            "accountName": account,
            "containerName": container,
            "endpoint": f"x@localhost:{world.settings.port}",
            "protocol": "https",
            "isDefault": name == DEFAULT_DATASTORE,
            "credentials": {"credentialsType": "Sas"},
            "serviceDataAccessAuthIdentity": "None",
            "subscriptionId": None,
            "resourceGroup": None,
            "description": None,
            "tags": {},
            "properties": {},
        }
    }
