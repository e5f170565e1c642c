"""The scoring front: key check, traffic split, Azure's error codes, mirroring and the traffic log.

Codes are those of Azure's table "HTTP status codes for online endpoints": 401 key, 404 nobody has traffic, 408 model
too slow, 413 body over 1.5 MB, 424 the model answered anything but 200, 502/503 no server behind the deployment.
"""

from __future__ import annotations

import asyncio
import hmac
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.endpoints.directory import Directory, Route, Upstream
from sandbox.endpoints.exchange import Answer, TooLarge, Unreachable, exchange
from sandbox.endpoints.model_errors import model_error
from sandbox.endpoints.traffic import pick
from sandbox.endpoints.traffic_log import Entry, TrafficLog

MAX_BODY_BYTES = 1_572_864
MAX_DRAINED_BYTES = 32_000_000
UPLOAD_SECONDS = 30.0
MAX_MIRRORED_IN_FLIGHT = 32
LONGEST_REQUEST_ID = 100
DEPLOYMENT_HEADER = "azureml-model-deployment"
NOT_FORWARDED = {
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "x-ms-request-id",
    "x-request-id",
    DEPLOYMENT_HEADER,
}
NOT_RETURNED = {
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
    "x-ms-client-request-id",
    "x-ms-request-id",
    "x-request-id",
}


class Refused(Exception):
    """An answer of the front itself: status, a short reason for the log, and the text the client gets."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text


@dataclass(slots=True)
class Call:
    """One request on its way through the front. Times are `loop.time()`."""

    scope: Scope
    headers: Headers
    request_id: str
    started: float
    received: float = 0.0
    answered: float = 0.0
    body: bytes = b""
    deployment: str = ""
    answer: Answer | None = field(default=None, repr=False)

    @property
    def client_request_id(self) -> str:
        return self.headers.get("x-ms-client-request-id", "")[:LONGEST_REQUEST_ID]

    @property
    def path(self) -> str:
        return "/" + str(self.scope["path_params"]["path"])


class Front:
    """Pass a request to a deployment by key, weights or `azureml-model-deployment`, and answer as Azure does.

    An ASGI application for `/scoring/{workspace}/{endpoint}/{path}`.
    """

    __name__ = "front"

    def __init__(self, directory: Directory, log: TrafficLog) -> None:
        self._directory = directory
        self._log = log
        self._mirrored: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        headers = Headers(scope=scope)
        call = Call(scope, headers, _request_id(headers), loop.time())
        names = scope["path_params"]
        route = self._directory.find(names["workspace"], names["endpoint"])
        if route is None:
            await PlainTextResponse(f"There is no endpoint {names['endpoint']}.", 404)(scope, receive, send)
            return
        reason = ""
        try:
            call.body, size = await _body(Request(scope, receive))
            call.received = loop.time()
            _authorise(route, call)
            _check_size(size)
            response = await self._forward(route, call)
            reason = "model_error" if response.status_code == 424 else ""
        except ClientDisconnect:
            return
        except Refused as refused:
            response, reason = PlainTextResponse(refused.text, refused.status), refused.reason
        _mark(response, call)
        await response(scope, receive, send)
        self._log.record(route, _entry(call, response, reason, loop.time()))

    async def _forward(self, route: Route, call: Call) -> Response:
        named = call.headers.get(DEPLOYMENT_HEADER, "")
        upstream = _named(route, named) if named else _drawn(route)
        call.deployment = upstream.name
        if not named and call.scope["method"] == "POST":
            self._mirror(route, call)
        if not upstream.port:
            raise Refused(503, "no_healthy_upstream", f"Deployment {upstream.name} has no server that answers now.")
        try:
            call.answer = await _ask(upstream, call)
        except TimeoutError as error:
            text = f"The model did not answer within {upstream.timeout:g} s, the deployment's request_timeout."
            raise Refused(408, "upstream_request_timeout", text) from error
        except Unreachable as error:
            raise Refused(
                502, "upstream_unreachable", f"Deployment {upstream.name} did not answer: {error}."
            ) from error
        except TooLarge as error:
            raise Refused(424, "response_payload_too_large", "The model's answer is larger than 1.5 MB.") from error
        call.answered = call.answer.first_byte
        return _response(call.answer)

    def _mirror(self, route: Route, call: Call) -> None:
        """Send a copy of some requests to the mirror's deployment, after and beside the client's own answer."""
        for name, percent in route.mirror.items():
            upstream = route.deployments.get(name.lower())
            wanted = random.random() * 100 < percent  # noqa: S311 - a share of the traffic, not a secret
            if wanted and upstream is not None and upstream.port and len(self._mirrored) < MAX_MIRRORED_IN_FLIGHT:
                task = asyncio.get_running_loop().create_task(self._send_copy(route, upstream, call))
                self._mirrored.add(task)
                task.add_done_callback(self._mirrored.discard)

    async def _send_copy(self, route: Route, upstream: Upstream, call: Call) -> None:
        loop = asyncio.get_running_loop()
        copy = Call(call.scope, call.headers, call.request_id, loop.time(), loop.time(), body=call.body)
        copy.deployment = upstream.name
        status, reason = 200, ""
        try:
            copy.answer = await _ask(upstream, copy)
            copy.answered = copy.answer.first_byte
            status, reason = (200, "") if copy.answer.status == 200 else (424, "model_error")
        except (TimeoutError, Unreachable, TooLarge) as error:
            status, reason = (408, "upstream_request_timeout") if isinstance(error, TimeoutError) else (502, "mirror")
        answered = Response(copy.answer.body if copy.answer else b"", status)
        self._log.record(route, _entry(copy, answered, reason, loop.time()), mirrored=True)


def _authorise(route: Route, call: Call) -> None:
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused(401, "key_auth_bad_header_missing", "key_auth_bad_header_missing")
    if not any(hmac.compare_digest(key.strip().encode(), known) for known in route.keys):
        raise Refused(401, "key_auth_access_denied", "key_auth_access_denied")


def _check_size(size: int) -> None:
    if size > MAX_BODY_BYTES:
        text = f"The request's body is {size / 1_048_576:.1f} MB; an endpoint takes at most 1.5 MB."
        raise Refused(413, "payload_too_large", text)


def _named(route: Route, name: str) -> Upstream:
    upstream = route.deployments.get(name.lower())
    if upstream is None:
        raise Refused(404, "deployment_not_found", f"The endpoint {route.name} has no deployment {name}.")
    return upstream


def _drawn(route: Route) -> Upstream:
    name = pick(route.traffic, random.random())  # noqa: S311 - a share of the traffic, not a secret
    upstream = route.deployments.get((name or "").lower())
    if upstream is None:
        text = f"The endpoint {route.name} has no deployment with traffic."
        raise Refused(404, "no_deployment_with_positive_weight", text)
    return upstream


async def _ask(upstream: Upstream, call: Call) -> Answer:
    forwarded = [(name, value) for name, value in call.headers.items() if name not in NOT_FORWARDED]
    forwarded.append(("x-request-id", call.request_id))
    query = call.scope["query_string"].decode("latin-1")
    path = f"{call.path}?{query}" if query else call.path
    return await exchange(upstream.port, call.scope["method"], path, forwarded, call.body, upstream.timeout)


async def _body(request: Request) -> tuple[bytes, int]:
    """The body and its size; one over the limit is read to its end and dropped.

    Answering before the client has sent everything would reset its connection, and it would never see the answer.
    """
    chunks, size = [], 0
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= MAX_BODY_BYTES:
                    chunks.append(chunk)
                elif size > MAX_DRAINED_BYTES:
                    break
    except TimeoutError as error:
        raise Refused(408, "request_timeout", f"The request did not arrive within {UPLOAD_SECONDS:g} s.") from error
    return b"".join(chunks), size


def _response(answer: Answer) -> Response:
    response = Response(answer.body, 200 if answer.status == 200 else 424)
    for name, value in answer.headers:
        if name not in NOT_RETURNED:
            response.headers.append(name, value)
    if answer.status != 200:
        response.headers["ms-azureml-model-error-statuscode"] = str(answer.status)
        response.headers["ms-azureml-model-error-reason"] = model_error(answer)
    return response


def _mark(response: Response, call: Call) -> None:
    response.headers["x-request-id"] = response.headers["x-ms-request-id"] = call.request_id
    if call.client_request_id:
        response.headers["x-ms-client-request-id"] = call.client_request_id
    if call.deployment:
        response.headers[DEPLOYMENT_HEADER] = call.deployment


def _request_id(headers: Mapping[str, str]) -> str:
    """The client's own `x-request-id` where it is a sensible one."""
    given = headers.get("x-request-id", "")
    return given if 0 < len(given) <= LONGEST_REQUEST_ID and given.isprintable() else str(uuid.uuid4())


def _entry(call: Call, response: Response, reason: str, ended: float) -> Entry:
    return Entry(
        deployment=call.deployment,
        method=call.scope["method"],
        path=call.path,
        protocol=f"HTTP/{call.scope['http_version']}",
        user_agent=call.headers.get("user-agent", "")[:256],
        request_id=call.request_id,
        client_request_id=call.client_request_id,
        status=response.status_code,
        reason=reason,
        model_status=call.answer.status if call.answer else 0,
        model_reason=call.answer.reason if call.answer else "",
        request_bytes=len(call.body),
        response_bytes=len(response.body),
        total_ms=1000 * (ended - call.started),
        request_ms=1000 * max(call.received - call.started, 0.0),
        response_ms=1000 * max(call.answered - call.started, 0.0),
    )
