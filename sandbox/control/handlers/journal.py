"""What was asked of this world."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.journal import Journal, as_json

MOST = 5_000


def read(request: Request) -> Response:
    """The newest requests first: `?limit=&service=&contains=` (a part of the path)."""
    journal: Journal = request.app.state.journal
    text = request.query_params.get("limit", "100")
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        return JSONResponse({"error": f"limit must be a number from 1 to {MOST}, not {text[:40]!r}."}, 400)
    entries = journal.entries(
        int(text),
        service=request.query_params.get("service", ""),
        contains=request.query_params.get("contains", ""),
    )
    return JSONResponse({"requests": as_json(entries)})
