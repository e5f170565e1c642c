"""A practice endpoint on this machine: the contract, the refusals and the headers of the real one, without a model.

A request is judged by the version's own contract. The invented patients of the contract get what the model answers
them; any other row gets the answer of the nearest of them, which a header says. Nothing here is a medical statement.
"""

from __future__ import annotations

import hmac
import json
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from backend.domain.contract import Contract, OfVersion
from backend.domain.json_value import JsonObject
from backend.domain.statuses import BY_STATUS, DEPLOYMENT, LARGEST_BODY, MODEL_REASON, MODEL_STATUS
from backend.policy.contract.keeping import Broken, rows_of, warnings_of

HOST = "127.0.0.1"
PATH = "/score"
NAME = "practice"
REHEARSE = "mlops-practice-status"
"""A request with this header is answered with that status, so that a caller can rehearse what it does then."""
NEAREST = "mlops-practice-nearest"


class Practice(ThreadingHTTPServer):
    """Answers on 127.0.0.1 until it is shut down; port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, of: OfVersion, contract: Contract, key: str, port: int, document: JsonObject) -> None:
        super().__init__((HOST, port), _Handler)
        self.of = of
        self.contract = contract
        self.key = key
        self.document = document

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}{PATH}"


class _Handler(BaseHTTPRequestHandler):
    """One request. `server` is the Practice that took it."""

    server: Practice
    server_version = "mlops-practice"
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        if self.path == "/openapi.json":
            self._send(200, json.dumps(self.server.document).encode(), "application/json")
        else:
            self._platform(404)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        size = int(length) if length.isascii() and length.isdigit() else 0
        body = self.rfile.read(min(size, LARGEST_BODY))
        if size > LARGEST_BODY:
            # What is left unread would be taken for the next request.
            self.close_connection = True
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        wanted = self.headers.get(REHEARSE, "")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), self.server.key.encode()):
            self._platform(401)
        elif wanted.isdigit() and int(wanted) in BY_STATUS and not BY_STATUS[int(wanted)].from_model:
            self._platform(int(wanted))
        elif self.path != PATH:
            self._platform(404)
        elif size > LARGEST_BODY:
            self._platform(413)
        else:
            self._score(body)

    def _score(self, body: bytes) -> None:
        contract, of = self.server.contract, self.server.of
        try:
            rows = rows_of(contract, body)
        except Broken as refusal:
            reason = f"{refusal.field}: {refusal.message}" if refusal.field not in refusal.message else refusal.message
            ascii_only = "".join(c if " " <= c <= "~" else " " for c in reason)
            headers = {MODEL_STATUS: "400", MODEL_REASON: " ".join(ascii_only.split()), DEPLOYMENT: NAME}
            self._send(424, json.dumps(refusal.body).encode(), "application/json", headers)
            return
        nearest = [_nearest(contract, row) for row in rows]
        risks = [contract.examples[place].probability for place in nearest]
        answer: JsonObject = {
            "request_id": self._request_id(),
            "model_version": f"{NAME}-{of.version}",
            "digest": of.digest,
            "threshold": of.threshold,
            "predictions": [
                {"probability": risk, "decision": "positive" if risk >= of.threshold else "negative"} for risk in risks
            ],
            "warnings": [*warnings_of(contract, rows)],
        }
        headers = {DEPLOYMENT: NAME, NEAREST: ",".join(map(str, nearest[:100]))}
        self._send(200, json.dumps(answer).encode(), "application/json", headers)

    def _request_id(self) -> str:
        given = (self.headers.get(name, "") for name in self.server.contract.request_id_headers)
        return next((text for text in given if text and text.isprintable() and len(text) <= 100), str(uuid.uuid4()))

    def _platform(self, status: int) -> None:
        self._send(status, BY_STATUS[status].text.encode(), "text/plain; charset=utf-8")

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        request_id = self._request_id()
        told = {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}
        for name, value in {**told, "x-request-id": request_id, "x-ms-request-id": request_id}.items():
            self.send_header(name, value)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that the class it overrides has
        """One line a request is for whoever serves the public; here the caller is at the next terminal."""


def _nearest(contract: Contract, row: dict[str, float]) -> int:
    """The example that lies nearest, each field measured by its plausible range."""

    def far(place: int) -> float:
        known = contract.examples[place].row
        return sum(((row[f.name] - known[f.name]) / (f.high - f.low)) ** 2 for f in contract.fields)

    return min(range(len(contract.examples)), key=far)
