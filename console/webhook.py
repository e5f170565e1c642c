"""`/github/webhook`: GitHub says that something happened. The answer is 202 at once; what is read comes from GitHub."""

from __future__ import annotations

import asyncio
import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backend.errors import BackendError, Conflict, Invalid, NotFound, NotPermitted
from backend.operations.doorbell import Letter
from console import wiring

log = logging.getLogger("console.webhook")

LARGEST = 25 * 1024 * 1024
"""GitHub sends no more in one delivery, and drops what would be larger."""
SECONDS = 10.0
"""After this time GitHub has given up too."""
ACCEPTED, TOO_LARGE, TOO_SLOW, UNAVAILABLE = 202, 413, 408, 503
STATUSES: dict[type[BackendError], int] = {NotFound: 404, NotPermitted: 401, Invalid: 400, Conflict: 409}


class TooLarge(Exception):
    """More bytes than any delivery of GitHub's has."""


async def webhook(request: Request) -> Response:
    """One delivery. Anything but 202 shows in GitHub's list of deliveries, with the sentence of the answer."""
    wired = wiring.current()
    try:
        letter = wired.backend.doorbell.letter()
        async with asyncio.timeout(SECONDS):
            await _read(request, letter)
        await run_in_threadpool(
            wired.backend.doorbell.take,
            letter,
            signature=request.headers.get("x-hub-signature-256", ""),
            delivery=request.headers.get("x-github-delivery", ""),
            event=request.headers.get("x-github-event", ""),
        )
    except BackendError as error:
        status = STATUSES.get(type(error), UNAVAILABLE)
        log.warning("a webhook delivery was refused with %d: %s", status, error)
        return _said(status, str(error))
    except TooLarge:
        return _said(TOO_LARGE, f"A delivery has at most {LARGEST:,} bytes.")
    except TimeoutError:
        return _said(TOO_SLOW, f"The delivery did not arrive within {SECONDS:g} seconds.")
    except ClientDisconnect:
        return Response(status_code=400)
    wired.wakes.now()
    return _said(ACCEPTED, "Taken; we look again.")


async def _read(request: Request, letter: Letter) -> None:
    """Every byte passes through the signature and none is kept."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > LARGEST:
        raise TooLarge
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > LARGEST:
            raise TooLarge
        letter.read(chunk)


def _said(status: int, sentence: str) -> Response:
    return JSONResponse({"message": sentence}, status)


ROUTES = [Route("/github/webhook", webhook, methods=["POST"])]
