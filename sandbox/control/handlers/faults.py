"""Outages on purpose: put in force, listed, cleared."""

from __future__ import annotations

import json
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.faults import Faults


def _faults(request: Request) -> Faults:
    faults: Faults = request.app.state.faults
    return faults


def read(request: Request) -> Response:
    """The faults in force."""
    return JSONResponse({"faults": [asdict(fault) for fault in _faults(request).all()]})


async def add(request: Request) -> Response:
    """Put a fault in force: a JSON object whose fields sandbox/README.md lists."""
    try:
        wanted = json.loads(await request.body())
        if not isinstance(wanted, dict):
            return JSONResponse({"error": "A fault is a JSON object."}, 400)
        fault = _faults(request).add(wanted)
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 400)
    return JSONResponse(asdict(fault), 201)


def clear(request: Request) -> Response:
    """End one fault (by its number), or all."""
    number = request.path_params.get("number")
    ended = _faults(request).clear(number)
    if number is not None and not ended:
        return JSONResponse({"error": f"No fault {number} is in force."}, 404)
    return JSONResponse({"cleared": ended})
