"""`/contracts/{endpoint}/{file}`: the contract and its changes, for programs and feed readers.

A program has no sign-in, so the page gives each person an address with a ticket: encrypted, theirs, for one endpoint,
good for a quarter. It opens these files and nothing else, and they hold neither a key nor anything about a patient.
"""

from __future__ import annotations

import json
import logging
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backend.domain.json_value import JsonObject
from backend.errors import BackendError, NotFound
from console import topics, wiring
from console.seal import BadSeal
from console.wiring import Wiring

log = logging.getLogger("console.contracts")

TICKET_SECONDS = 90 * 86_400
PURPOSE = "contract files"
FILES = ("openapi.json", "schema.json", "contract.json", "changes.json", "changes.atom")


def ticket(wired: Wiring, actor: str, endpoint: str) -> str:
    """What makes an address work for this person."""
    return wired.seal.close(PURPOSE, {"actor": actor, "endpoint": endpoint})


def address(wired: Wiring, endpoint: str, file: str, held: str) -> str:
    """The whole address of a file, to paste where a program asks for it."""
    base = wired.settings.console.public_url.rstrip("/")
    return f"{base}/contracts/{endpoint}/{file}?ticket={quote(held)}"


def contract_file(request: Request) -> Response:
    """One file. 401 without a good ticket, 404 where there is no contract to tell."""
    wired = wiring.current()
    endpoint, file = request.path_params["endpoint"], request.path_params["file"]
    try:
        held = wired.seal.open(PURPOSE, request.query_params.get("ticket", ""), TICKET_SECONDS)
    except BadSeal:
        held = {}
    if held.get("endpoint") != endpoint:
        return _said(401, "This address needs a ticket: copy it anew from the Contract page.")
    try:
        return _answer(wired, endpoint, file)
    except NotFound as absent:
        return _said(404, str(absent))
    except BackendError as error:
        log.warning("%s of %s cannot be told: %s", file, endpoint, error)
        return _said(503, str(error))


def _answer(wired: Wiring, endpoint: str, file: str) -> Response:
    contracts = wired.backend.contracts
    if file == "openapi.json":
        known = wired.snapshots.watch(topics.endpoint(endpoint)).value
        return _json(contracts.document(endpoint, known.scoring_uri if known else ""))
    home = f"{wired.settings.console.public_url.rstrip('/')}/contract?endpoint={endpoint}"
    if file == "changes.json":
        return _json(contracts.json_feed(endpoint, home), "application/feed+json")
    if file == "changes.atom":
        return Response(contracts.atom_feed(endpoint, home), media_type="application/atom+xml")
    of = contracts.served(endpoint)
    if of is None:
        raise NotFound(f"Nothing has been brought to {endpoint} yet, so it promises nothing.")
    if file == "schema.json":
        return _json(contracts.schema_of(of), "application/schema+json")
    if file == "contract.json":
        return Response(of.model_dump_json(indent=2), media_type="application/json")
    raise NotFound(f"There is no {file}; the files are {', '.join(FILES)}.")


def _json(document: JsonObject, kind: str = "application/json") -> Response:
    return Response(json.dumps(document, indent=2, ensure_ascii=False) + "\n", media_type=kind)


def _said(status: int, sentence: str) -> Response:
    return JSONResponse({"message": sentence}, status)


ROUTES = [Route("/contracts/{endpoint}/{file}", contract_file, methods=["GET"])]
