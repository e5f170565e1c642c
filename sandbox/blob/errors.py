"""Blob storage's error envelope: XML, with the code repeated in a header."""

from __future__ import annotations

from xml.sax.saxutils import escape

from starlette.exceptions import HTTPException


class BlobError(HTTPException):
    """Raised anywhere below a handler; Starlette renders it as the storage service's XML."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.code, self.message = code, message
        text = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        )
        super().__init__(status, text, {"content-type": "application/xml", "x-ms-error-code": code})


def blob_not_found(name: str) -> BlobError:
    return BlobError(404, "BlobNotFound", f"The specified blob does not exist: {name}")
