"""One blob: read, write, describe, delete."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.blob import files
from sandbox.blob.errors import BlobError, blob_not_found
from sandbox.blob.files import Blob
from sandbox.blob.models import Call, blob_headers, byte_range, common_headers, written_headers


def get(call: Call) -> Response:
    blob = _required(call)
    wanted = call.request.headers.get("if-match")
    if wanted not in {None, "*", blob.etag}:
        raise BlobError(412, "ConditionNotMet", "The blob has changed since the condition was taken.")
    try:
        span = byte_range(call.request.headers, blob.size)
    except ValueError as error:
        raise BlobError(416, "InvalidRange", str(error)) from error
    headers = blob_headers(blob)
    with blob.path.open("rb") as file:
        if span is None:
            return Response(file.read(blob.size), headers=headers)
        start, end = span
        file.seek(start)
        content = file.read(end - start + 1)
    headers.pop("content-md5", None)
    headers["content-range"] = f"bytes {start}-{end}/{blob.size}"
    if blob.md5:
        headers["x-ms-blob-content-md5"] = blob.md5
    return Response(content, 206, headers)


def head(call: Call) -> Response:
    blob = _required(call)
    return Response(headers={**blob_headers(blob), "content-length": str(blob.size)})


def put(call: Call) -> Response:
    if call.request.headers.get("if-none-match") == "*" and _find(call) is not None:
        raise BlobError(409, "BlobAlreadyExists", f"The specified blob already exists: {call.name}")
    return created(call, call.content)


def set_metadata(call: Call) -> Response:
    blob = files.set_metadata(call.world, call.account, call.container, call.name, call.metadata)
    if blob is None:
        raise blob_not_found(call.name)
    return Response(headers=written_headers(blob))


def delete(call: Call) -> Response:
    if not files.delete(call.world, call.account, call.container, call.name):
        raise blob_not_found(call.name)
    return Response(status_code=202, headers={**common_headers(), "x-ms-delete-type-permanent": "true"})


def created(call: Call, content: bytes) -> Response:
    """Write `content` under the request's name, metadata and type, and answer 201."""
    blob = files.write(
        call.world,
        call.account,
        call.container,
        call.name,
        content,
        metadata=call.metadata,
        content_type=call.request.headers.get("x-ms-blob-content-type") or "application/octet-stream",
    )
    return Response(status_code=201, headers={**written_headers(blob), "content-md5": blob.md5})


def _find(call: Call) -> Blob | None:
    return files.find(call.world, call.account, call.container, call.name)


def _required(call: Call) -> Blob:
    blob = _find(call)
    if blob is None:
        raise blob_not_found(call.name)
    return blob
