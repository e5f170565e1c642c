"""Calls to an endpoint's scoring address, through a client of our own.

`online_endpoints.invoke` of the SDK keeps one header dictionary for the whole class: after one call that named a
deployment, all later calls go to it. So the key is read by the SDK and the call made here.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from backend.domain.endpoints import Served
from backend.errors import RemoteError, RemoteRejected, RemoteUnavailable
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.errors import ROWS, SERVICE, azureml
from backend.gateways.failures import Failure, judged

PROBE_AGENT = "mlops-probe/1"
"""Our own tests of a deployment; telemetry leaves out callers whose name starts like this."""

CONSOLE_AGENT = "mlops-console/1"
KEY_SECONDS = 60.0


class Answer(NamedTuple):
    """An HTTP answer as it came; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Access:
    uri: str
    key: str
    until: float


class Scoring:
    """Scores rows; one HTTP client and one short-lived key per endpoint, shared by all threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._access: dict[str, _Access] = {}
        self._client: httpx.Client | None = None

    def score(self, endpoint: str, rows: Sequence[Mapping[str, Any]], deployment: str, *, probe: bool) -> Served:
        started = time.perf_counter()
        answer = self.send(endpoint, json.dumps({"rows": list(rows)}).encode(), deployment, probe=probe)
        milliseconds = 1000 * (time.perf_counter() - started)
        if answer.status != 200:
            raise _refusal(endpoint, answer)
        return as_served(answer, milliseconds)

    def send(self, endpoint: str, body: bytes, deployment: str, *, probe: bool) -> Answer:
        """POST the bytes; a 401 drops the cached key, so that the next call reads the new one."""
        access = self._reach(endpoint)
        headers = {
            "Authorization": f"Bearer {access.key}",
            "Content-Type": "application/json",
            "User-Agent": PROBE_AGENT if probe else CONSOLE_AGENT,
        }
        if deployment:
            headers["azureml-model-deployment"] = deployment
        with azureml("score"):
            answer = self._http().post(access.uri, content=body, headers=headers)
        if answer.status_code == 401:
            with self._lock:
                self._access.pop(endpoint, None)
        return Answer(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content)

    def _reach(self, endpoint: str) -> _Access:
        with self._lock:
            known = self._access.get(endpoint)
        if known is not None and known.until > time.monotonic():
            return known
        operations = self._workspace.ml().online_endpoints
        with azureml("read an endpoint's key"):
            uri = operations.get(endpoint).scoring_uri
            keys = operations.get_keys(endpoint)
        if not uri:
            raise RemoteUnavailable(
                f"{endpoint} has no scoring address yet; it is still being created.",
                service=SERVICE,
                operation="score",
                retry_after=2.0,
            )
        key = getattr(keys, "primary_key", None) or getattr(keys, "access_token", "")
        access = _Access(str(uri), str(key), time.monotonic() + KEY_SECONDS)
        with self._lock:
            self._access[endpoint] = access
        return access

    def _http(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    verify=self._workspace.tls(), timeout=httpx.Timeout(15, connect=5), follow_redirects=False
                )
            return self._client


def as_served(answer: Answer, milliseconds: float) -> Served:
    """What a 200 says of the deployment. Raises RemoteRejected where it does not keep the scoring contract."""
    try:
        body = json.loads(answer.body)
        return Served(
            deployment=answer.headers.get("azureml-model-deployment", ""),
            model_version=str(body["model_version"]),
            digest=str(body["digest"]),
            threshold=float(body["threshold"]),
            probability=float(body["predictions"][0]["probability"]),
            request_id=str(body.get("request_id") or answer.headers.get("x-ms-request-id", "")),
            milliseconds=milliseconds,
        )
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise RemoteRejected(
            f"The deployment's answer lacks {error} of the scoring contract; it runs another scoring script.",
            service=SERVICE,
            operation="score",
            status=answer.status,
            request_id=answer.headers.get("x-ms-request-id", ""),
        ) from error


def predictions(answer: Answer, rows: int) -> list[tuple[float, str]]:
    """Risk and decision of each row. Raises RemoteRejected for a refusal, or an answer to another number of rows."""
    request_id = answer.headers.get("x-ms-request-id", "")
    try:
        if answer.status != 200:
            problem = f"{rows} plausible rows got {answer.status}: {_message(answer.body)}"
        else:
            found = json.loads(answer.body)["predictions"]
            told = [(float(one["probability"]), str(one["decision"])) for one in found]
            if len(told) == rows:
                return told
            problem = f"{rows} rows got {len(told)} answers"
    except (ValueError, KeyError, TypeError) as error:
        problem = f"the answer to {rows} rows lacks {error} of the scoring contract"
    raise RemoteRejected(problem, service=SERVICE, operation="score", status=answer.status, request_id=request_id)


def _refusal(endpoint: str, answer: Answer) -> RemoteError:
    """An answer other than 200 as an error.

    424 is Azure's word for "the model answered badly": the model's own status and reason are in headers. The body is
    better where it came through, since a header holds Latin-1 only.
    """
    request_id = answer.headers.get("x-ms-request-id", "")
    if answer.status == 424:
        status = answer.headers.get("ms-azureml-model-error-statuscode", "")
        reason = _message(answer.body) or answer.headers.get("ms-azureml-model-error-reason", "no reason given")
        return RemoteRejected(
            f"The model refused the request (its status {status}): {reason}",
            service=SERVICE,
            operation="score",
            status=424,
            request_id=request_id,
        )
    message = _message(answer.body) or f"{endpoint} answered {answer.status}"
    error = judged(Failure(SERVICE, "score", answer.status, "", message, request_id), ROWS)
    if isinstance(error, RemoteError):
        return error
    return RemoteRejected(str(error), service=SERVICE, operation="score", status=answer.status, request_id=request_id)


def _message(body: bytes) -> str:
    try:
        parsed = json.loads(body)
    except ValueError:
        return body[:300].decode(errors="replace").strip()
    inner = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    return str(inner.get("message", inner) if isinstance(inner, dict) else inner)[:300]
