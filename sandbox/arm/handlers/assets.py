"""Data, environments and codes: versions whose bytes the client has uploaded before."""

from __future__ import annotations

import uuid

from starlette.responses import JSONResponse, Response

from sandbox.arm.errors import bad_request
from sandbox.arm.handlers.versions import Kind
from sandbox.arm.handlers.workspaces import require_workspace
from sandbox.arm.ids import parse
from sandbox.arm.routing import Call, Handler
from sandbox.blob.access import account_signature
from sandbox.blob.files import BLOBSTORE, account_name
from sandbox.state.documents import Document


def _data(_call: Call, properties: Document) -> Document:
    if properties.get("dataType") not in {"uri_file", "uri_folder", "mltable"} or not properties.get("dataUri"):
        raise bad_request(
            "A data version needs 'dataType' (uri_file, uri_folder, mltable) and 'dataUri'.", target="dataUri"
        )
    return properties


def _environment(_call: Call, properties: Document) -> Document:
    if not (properties.get("image") or properties.get("build")):
        raise bad_request("An environment version needs 'image' or 'build'.", target="image")
    return {"environmentType": "UserCreated", "osType": "Linux", **properties}


def _code(_call: Call, properties: Document) -> Document:
    if not properties.get("codeUri"):
        raise bad_request("A code version needs 'codeUri'.", target="codeUri")
    return properties


DATA = Kind("data", ("dataUri",), _data)
ENVIRONMENTS = Kind("environments", ("image", "condaFile"), _environment)
CODES = Kind("codes", ("codeUri",), _code)


def handlers() -> dict[str, Handler]:
    upload = {"POST workspaces/*/codes/*/versions/*/startPendingUpload": start_pending_upload}
    return {**DATA.handlers(), **ENVIRONMENTS.handlers(), **CODES.handlers(), **upload}


def start_pending_upload(call: Call) -> Response:
    """A signed place for one code folder."""
    workspace = require_workspace(call.world, call.id)
    account = account_name(parse(workspace["id"]).workspace)
    place = f"https://{account}.blob.x@localhost:{call.world.settings.port}/{BLOBSTORE}"
    signed = f"{place}?{account_signature(call.world, account)}"
    return JSONResponse(
        {
            "pendingUploadId": str(uuid.uuid4()),
            "pendingUploadType": call.body.get("pendingUploadType") or "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": place,
                "storageAccountArmId": workspace["properties"]["storageAccount"],
                "credential": {"credentialType": "SAS", "sasUri": signed},
            },
        }
    )
