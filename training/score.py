"""The scoring script of a deployment: `init()` once, `run(request)` per call, as Azure ML's inference server asks.

The environment names the release: AZUREML_MODEL_DIR, MLOPS_THRESHOLD, MLOPS_MODEL_VERSION. The server must find the
`training` package: AML_APP_ROOT is the folder that holds it. Requests are described in training/request.py, answers in
training/release.py; a refusal is a 400 with the field's name, which Azure passes on as 424.
"""

from __future__ import annotations

import os
from typing import Any

from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

from training import collection, release
from training.request import MAX_BYTES, InvalidInput, request_id

PROBES = "mlops-probe"
"""Callers that only try the deployment: what they are answered is nobody's score."""

CHUNK_BYTES = 1 << 16
DRAINED_BYTES = 64 << 20

# The server loads this file outside of sys.modules, where no dataclass can be defined: those live in training.release.
_serving: release.Release | None = None
_collection: collection.Collection | None = None


def init() -> None:
    """Load the release; an exception here fails the deployment, with its message in the log."""
    global _serving, _collection  # noqa: PLW0603 - the server's contract: init() and run() share the module
    _serving = release.load(os.environ)
    _collection = collection.begin(os.environ, _serving.version)


def _read(stream: Any) -> bytes:
    """Return the body, cut one byte past what is allowed.

    The rest is read and dropped, up to a limit: a connection closed on unread bytes is reset, and the caller would
    never see the refusal.
    """
    body, dropped = bytearray(), 0
    while dropped <= DRAINED_BYTES and (chunk := stream.read(CHUNK_BYTES)):
        room = MAX_BYTES + 1 - len(body)
        body += chunk[:room]
        dropped += max(0, len(chunk) - room)
    return bytes(body)


@rawhttp  # type: ignore[untyped-decorator]
def run(request: Any) -> Any:
    """Answer one HTTP request, given as Flask's request object."""
    if _serving is None:
        raise RuntimeError("init() has not run")
    if request.method != "POST":
        return AMLResponse(InvalidInput("send the rows with POST").body, 405, json_str=True)
    probe = str(request.headers.get("User-Agent", "")).startswith(PROBES)
    seen = _collection.add if _collection is not None and not probe else None
    status, body = release.answer(_serving, _read(request.stream), request_id(request.headers), seen)
    if not probe:
        print(release.score_line(body) if status == 200 else release.refusal_line(body), flush=True)
    return AMLResponse(body, status, json_str=True)
