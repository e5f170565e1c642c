"""The blobs of a container, by prefix, with folders folded when a delimiter is given."""

from __future__ import annotations

from xml.sax.saxutils import escape

from starlette.responses import Response

from sandbox.blob import files
from sandbox.blob.files import Blob
from sandbox.blob.models import Call, common_headers, http_date

PAGE = 5000


def list_blobs(call: Call) -> Response:
    query = call.request.query_params
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after, size = query.get("marker", ""), min(int(query.get("maxresults", PAGE)), PAGE)
    entries: list[str] = []
    last = marker = ""
    for name in files.names(call.world, call.account, call.container, prefix):
        entry = _folded(name, prefix, delimiter)
        if entry == last or (after and entry <= after):
            continue
        if len(entries) == size:
            marker = last
            break
        last = entry
        entries.append(_entry(call, entry, is_folder=entry != name))
    head = f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="{call.container}">'
    body = (
        f"<Prefix>{escape(prefix)}</Prefix><Blobs>{''.join(entries)}</Blobs><NextMarker>{escape(marker)}</NextMarker>"
    )
    return Response(f"{head}{body}</EnumerationResults>", media_type="application/xml", headers=common_headers())


def _folded(name: str, prefix: str, delimiter: str) -> str:
    if not delimiter:
        return name
    head, found, _ = name[len(prefix) :].partition(delimiter)
    return f"{prefix}{head}{found}"


def _entry(call: Call, name: str, *, is_folder: bool) -> str:
    if is_folder:
        return f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>"
    blob = files.find(call.world, call.account, call.container, name)
    if blob is None:  # deleted between the listing and the look
        return ""
    metadata = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in blob.metadata.items())
    return f"<Blob><Name>{escape(name)}</Name>{_properties(blob)}<Metadata>{metadata}</Metadata></Blob>"


def _properties(blob: Blob) -> str:
    date = http_date(blob.modified)
    values = {
        "Creation-Time": date,
        "Last-Modified": date,
        "Etag": blob.etag.strip('"'),
        "Content-Length": str(blob.size),
        "Content-Type": blob.content_type,
        "Content-MD5": blob.md5,
        "BlobType": "BlockBlob",
        "LeaseStatus": "unlocked",
        "LeaseState": "available",
        "ServerEncrypted": "true",
    }
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in values.items())
    return f"<Properties>{inner}</Properties>"
