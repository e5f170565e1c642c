"""`/github/connect` and `/github/callback`: a signed-in person lends the worker their own GitHub token.

A page makes a ticket for the person and the browser it is drawn in; `/github/connect` accepts it only from that
browser, so nobody can be led to connect their GitHub account to somebody else's console account.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from backend.errors import BackendError
from console import wiring
from console.middleware import BROWSER_COOKIE, local_path
from console.seal import BadSeal, Seal

log = logging.getLogger("console.consent")

TICKET_SECONDS = 900
CONSENT_SECONDS = 600
_CONSENT_COOKIE = "mlops_github"


def ticket(seal: Seal, actor: str, browser: str, page: str) -> str:
    """What a page puts into its `Connect GitHub` link; `browser` is the value of the browser cookie."""
    return seal.close("github ticket", {"actor": actor, "browser": _mark(browser), "page": local_path(page)})


def connect(request: Request) -> Response:
    """Begin the web flow of GitHub's OAuth app for the ticket's person."""
    wired = wiring.current()
    try:
        held = wired.seal.open("github ticket", request.query_params.get("ticket", ""), TICKET_SECONDS)
    except BadSeal:
        return _back("/", "expired")
    browser = request.cookies.get(BROWSER_COOKIE, "")
    if not browser or not hmac.compare_digest(held["browser"], _mark(browser)):
        return _back(held["page"], "other browser")
    try:
        consent = wired.backend.people.begin_github(held["actor"])
    except BackendError as error:
        log.warning("GitHub consent of %s cannot begin: %s", held["actor"], error)
        return _back(held["page"], "failed")
    content = {"actor": held["actor"], "page": held["page"], "state": consent.state, "verifier": consent.verifier}
    response = RedirectResponse(consent.url, status_code=303)
    response.set_cookie(
        _CONSENT_COOKIE,
        wired.seal.close("github consent", content),
        max_age=CONSENT_SECONDS,
        httponly=True,
        samesite="lax",
        path="/github",
        secure=request.url.scheme == "https",
    )
    return response


def callback(request: Request) -> Response:
    """Finish it: the cookie's state must be GitHub's, and only then is the code exchanged."""
    wired = wiring.current()
    try:
        held = wired.seal.open("github consent", request.cookies.get(_CONSENT_COOKIE, ""), CONSENT_SECONDS)
    except BadSeal:
        return _back("/", "expired")
    state, code = request.query_params.get("state", ""), request.query_params.get("code", "")
    if not hmac.compare_digest(held["state"], state):
        return _back(held["page"], "expired")
    if not code:
        return _back(held["page"], "refused")
    try:
        wired.backend.people.finish_github(held["actor"], code, held["verifier"])
    except BackendError as error:
        log.warning("GitHub consent of %s failed: %s", held["actor"], error)
        return _back(held["page"], "failed")
    return _back(held["page"], "connected")


def _mark(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()


def _back(page: str, outcome: str) -> Response:
    parts = urlsplit(local_path(page))
    query = [(k, v) for k, v in parse_qsl(parts.query) if k != "github"]
    response = RedirectResponse(f"{parts.path}?{urlencode([*query, ('github', outcome)])}", status_code=303)
    response.delete_cookie(_CONSENT_COOKIE, path="/github")
    return response


ROUTES = [
    Route("/github/connect", connect, methods=["GET"]),
    Route("/github/callback", callback, methods=["GET"]),
]
