"""From the URIs of Azure ML assets to the files and folders that hold their bytes.

azureml:/subscriptions/.../data/D/versions/V        an ARM id, with or without the `azureml:` in front
azureml:D:V  azureml://datastores/S/paths/P         short forms, which need a workspace
azureml://subscriptions/S/resourcegroups/R/workspaces/W/datastores/D/paths/P
azureml://jobs/J/outputs/O[/paths/P]  runs:/J/P     what a job wrote
https://ACCOUNT.blob.x@host/CONTAINER/P             a blob
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sandbox.arm import resources
from sandbox.arm.errors import bad_request, not_found
from sandbox.arm.ids import parse, workspace_id
from sandbox.blob.files import ARTEFACTS, BLOBSTORE, account_name, blob_path
from sandbox.state.documents import Document
from sandbox.world import World

LONG_DATASTORE = re.compile(
    r"azureml://subscriptions/([^/]+)/resourcegroups/([^/]+)"
    r"(?:/providers/Microsoft.MachineLearningServices)?/workspaces/([^/]+)/datastores/([^/]+)/paths/(.*)",
    re.IGNORECASE,
)
SHORT_DATASTORE = re.compile(r"azureml://datastores/([^/]+)(?:/paths)?/(.*)", re.IGNORECASE)
JOB_OUTPUT = re.compile(r"azureml://jobs/([^/]+)/outputs/([^/]+)(?:/paths/(.*))?$", re.IGNORECASE)
RUN_PATH = re.compile(r"runs:/([^/]+)/(.*)")
NAMED = re.compile(r"azureml:([^:/]+):([^:/]+)$")


def model_folder(world: World, model_id: str) -> Path:
    """The folder (or single file) of a registered model version."""
    return uri_path(world, str(_resource(world, model_id)["properties"]["modelUri"]), _workspace_of(model_id))


def code_folder(world: World, code_id: str) -> Path:
    """The uploaded folder of a code asset version."""
    return uri_path(world, str(_resource(world, code_id)["properties"]["codeUri"]), _workspace_of(code_id))


def data_path(world: World, data_id_or_uri: str, workspace_arm_id: str = "") -> Path:
    """The file or folder of a data asset version, or of any URI; short forms need the workspace's ARM id."""
    named = NAMED.match(data_id_or_uri)
    if named and workspace_arm_id:
        data_id_or_uri = f"{workspace_arm_id}/data/{named[1]}/versions/{named[2]}"
    identity = data_id_or_uri.removeprefix("azureml:")
    if identity.startswith("/subscriptions/"):
        return uri_path(world, str(_resource(world, identity)["properties"]["dataUri"]), _workspace_of(identity))
    return uri_path(world, data_id_or_uri, workspace_arm_id)


def input_path(world: World, uri: str, workspace_arm_id: str) -> Path:
    """What a job's input names: a model version, a data version, or any URI."""
    identity = uri.removeprefix("azureml:")
    if identity.startswith("/subscriptions/") and "/models/" in identity.lower():
        return model_folder(world, identity)
    return data_path(world, uri, workspace_arm_id)


def environment(world: World, environment_id: str) -> Document:
    """The ARM body of an environment version."""
    return _resource(world, environment_id)


def output_folder(world: World, workspace: str, job: str, output: str) -> Path:
    """Where a job's named output lies; `default` and `artifacts` are its artefact folder."""
    account = account_name(workspace)
    if output in {"default", "artifacts"}:
        return blob_path(world, account, ARTEFACTS, f"ExperimentRun/dcid.{job}")
    return blob_path(world, account, BLOBSTORE, f"azureml/{job}/{output}")


def uri_path(world: World, uri: str, workspace_arm_id: str = "") -> Path:
    """The local path behind any of the URIs above; ArmError 400 for one we cannot read."""
    if long := LONG_DATASTORE.match(uri):
        return _in_datastore(world, workspace_id(long[1], long[2], long[3]), long[4], long[5])
    if uri.startswith("https://"):
        return _blob(world, uri)
    if workspace_arm_id:
        workspace = parse(workspace_arm_id).workspace
        if output := JOB_OUTPUT.match(uri):
            return output_folder(world, workspace, output[1], output[2]) / (output[3] or "").strip("/")
        if run := RUN_PATH.match(uri):
            return output_folder(world, workspace, run[1], "artifacts") / run[2].strip("/")
        if short := SHORT_DATASTORE.match(uri):
            return _in_datastore(world, workspace_arm_id, short[1], short[2])
    raise bad_request(f"{uri!r} is not a URI this workspace can read.", code="InvalidAssetUri", target="uri")


def datastore_uri(workspace_arm_id: str, datastore: str, path: str) -> str:
    """The long form, which azure-ai-ml takes apart when it downloads."""
    identity = parse(workspace_arm_id)
    return (
        f"azureml://subscriptions/{identity.subscription}/resourceGroups/{identity.group}"
        f"/workspaces/{identity.workspace}/datastores/{datastore}/paths/{path}"
    )


def _in_datastore(world: World, workspace_arm_id: str, datastore: str, path: str) -> Path:
    properties = _resource(world, f"{workspace_arm_id}/datastores/{datastore}")["properties"]
    return blob_path(world, properties["accountName"], properties["containerName"], path.strip("/"))


def _blob(world: World, url: str) -> Path:
    parts = urlsplit(url)
    account = (parts.username or "").partition(".")[0]
    container, _, name = unquote(parts.path).lstrip("/").partition("/")
    if not account or not name:
        raise bad_request(f"{url!r} is not a blob of this world.", code="InvalidAssetUri", target="uri")
    return blob_path(world, account, container, name.strip("/"))


def _resource(world: World, resource_id: str) -> Document:
    identity = resource_id.removeprefix("azureml:")
    found = resources.get(world, identity)
    if found is None:
        raise not_found(identity)
    return found


def _workspace_of(resource_id: str) -> str:
    return parse(resource_id.removeprefix("azureml:")).workspace_id
