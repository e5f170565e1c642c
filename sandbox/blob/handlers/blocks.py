"""A large blob in pieces: blocks wait beside the store until the list that names them is committed."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from xml.etree import ElementTree

from starlette.responses import Response

from sandbox.blob.errors import BlobError
from sandbox.blob.handlers.blobs import created
from sandbox.blob.models import Call, common_headers


def put(call: Call) -> Response:
    block = _staged(call) / _file_name(call.request.query_params.get("blockid", ""))
    block.parent.mkdir(parents=True, exist_ok=True)
    block.write_bytes(call.content)
    return Response(status_code=201, headers=common_headers())


def commit(call: Call) -> Response:
    folder = _staged(call)
    try:
        wanted = [element.text or "" for element in ElementTree.fromstring(call.content)]  # noqa: S314  # our clients only
    except ElementTree.ParseError as error:
        raise BlobError(400, "InvalidXmlDocument", f"The block list is not XML: {error}") from error
    blocks = [folder / _file_name(name) for name in wanted]
    if not all(block.is_file() for block in blocks):
        raise BlobError(400, "InvalidBlockList", "The specified block list names a block that was not uploaded.")
    response = created(call, b"".join(block.read_bytes() for block in blocks))
    shutil.rmtree(folder, ignore_errors=True)
    return response


def _staged(call: Call) -> Path:
    digest = hashlib.sha256(f"{call.account}/{call.container}/{call.name}".encode()).hexdigest()
    return call.world.folder("blob-blocks") / digest


def _file_name(block: str) -> str:
    return hashlib.sha256(block.encode()).hexdigest()
