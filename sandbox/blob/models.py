"""What a blob request and a blob's headers look like on the wire."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from starlette.requests import Request

from sandbox.blob.access import VERSION
from sandbox.blob.files import Blob
from sandbox.world import World

METADATA = "x-ms-meta-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One authorised request; `name` is "" when it is about the container."""

    world: World
    request: Request
    account: str
    container: str
    name: str
    content: bytes

    @property
    def metadata(self) -> dict[str, str]:
        return {
            header.removeprefix(METADATA): value
            for header, value in self.request.headers.items()
            if header.startswith(METADATA)
        }


def common_headers() -> dict[str, str]:
    return {"x-ms-version": VERSION, "x-ms-request-id": str(uuid.uuid4())}


def written_headers(blob: Blob) -> dict[str, str]:
    """What a successful write answers."""
    return {
        **common_headers(),
        "etag": blob.etag,
        "last-modified": http_date(blob.modified),
        "x-ms-request-server-encrypted": "true",
    }


def blob_headers(blob: Blob) -> dict[str, str]:
    """Everything about a blob but its length, which depends on the range."""
    headers = {
        **common_headers(),
        "etag": blob.etag,
        "last-modified": http_date(blob.modified),
        "x-ms-creation-time": http_date(blob.modified),
        "x-ms-blob-type": "BlockBlob",
        "x-ms-lease-status": "unlocked",
        "x-ms-lease-state": "available",
        "x-ms-server-encrypted": "true",
        "accept-ranges": "bytes",
        "content-type": blob.content_type,
        **{f"{METADATA}{key}": value for key, value in blob.metadata.items()},
    }
    return headers | ({"content-md5": blob.md5} if blob.md5 else {})


def http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def byte_range(headers: Mapping[str, str], size: int) -> tuple[int, int] | None:
    """First and last byte asked for, None without a range; ValueError if it starts behind the end."""
    text = headers.get("x-ms-range") or headers.get("range") or ""
    if not text.startswith("bytes="):
        return None
    first, _, last = text.removeprefix("bytes=").partition("-")
    start, end = int(first), min(int(last) if last else size - 1, size - 1)
    if start >= size:
        raise ValueError(f"The range {text} starts behind the end of {size} bytes")
    return start, end
