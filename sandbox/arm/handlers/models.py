"""Model versions: a URI is resolved when the version is made, bytes of a job are copied, flavors are read."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import yaml

from sandbox.arm import resources
from sandbox.arm.assets import JOB_OUTPUT, RUN_PATH, datastore_uri, uri_path
from sandbox.arm.errors import bad_request
from sandbox.arm.handlers.versions import Kind
from sandbox.arm.handlers.workspaces import DEFAULT_DATASTORE
from sandbox.arm.routing import Call, Handler
from sandbox.blob.files import BLOBSTORE, account_name, blob_path, copy_folder
from sandbox.state.documents import Document

TYPES = {"custom_model", "mlflow_model", "triton_model"}


def handlers() -> dict[str, Handler]:
    return MODELS.handlers()


def _model(call: Call, properties: Document) -> Document:
    uri, kind = properties.get("modelUri") or "", properties.get("modelType") or "custom_model"
    if kind not in TYPES or not uri:
        raise bad_request(f"A model version needs 'modelUri' and a 'modelType' of {sorted(TYPES)}.", target="modelUri")
    path = uri_path(call.world, uri, call.id.workspace_id)
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        raise bad_request(f"There are no files at {uri}.", code="NotFound", target="modelUri")
    flavors = _flavors(path, required=kind == "mlflow_model")
    job = _job(uri)
    if job:
        _require_ended(call, job)
        properties = {**properties, "properties": {**(properties.get("properties") or {}), "source": uri}}
        uri = _replicate(call, path)
    known = {"modelType": kind, "modelUri": uri, "jobName": job or properties.get("jobName"), "flavors": flavors}
    return {**properties, **known}


def _replicate(call: Call, source: Path) -> str:
    """Copy what a job wrote to a place of the registry's own, so that neither can change the other."""
    workspace = call.id.workspace
    place = f"ServiceReplicated/{uuid.uuid4()}/{source.name}"
    copy_folder(source, blob_path(call.world, account_name(workspace), BLOBSTORE, place))
    return datastore_uri(call.id.workspace_id, DEFAULT_DATASTORE, place)


def _require_ended(call: Call, job: str) -> None:
    """A run that is no job (`mlflow.start_run()` on a laptop) has no status of ours to wait for."""
    found = resources.get(call.world, f"{call.id.workspace_id}/jobs/{job}")
    status = found["properties"]["status"] if found else "Completed"
    if status not in {"Completed", "Failed", "Canceled"}:
        raise bad_request(f"The job {job} is {status}; its outputs can be registered when it has ended.")


def _job(uri: str) -> str:
    match = JOB_OUTPUT.match(uri) or RUN_PATH.match(uri)
    return match[1] if match else ""


def _flavors(path: Path, *, required: bool) -> dict[str, Any]:
    """What the `MLmodel` file lists, values as text: `{"python_function": {"data": {"env": ...}}}`."""
    file = path / "MLmodel"
    if not file.is_file():
        if required:
            raise bad_request("An mlflow_model must be a folder with an MLmodel file.", code="InvalidModel")
        return {}
    try:
        found = yaml.safe_load(file.read_text()).get("flavors") or {}
        return {name: {"data": {key: str(value) for key, value in data.items()}} for name, data in found.items()}
    except (yaml.YAMLError, AttributeError, UnicodeDecodeError) as error:
        raise bad_request(f"The MLmodel file cannot be read: {error}", code="InvalidModel") from error


MODELS = Kind("models", ("modelUri",), _model)
