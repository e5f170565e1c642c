"""Outages on purpose: a service answers late, or with an error status, for some requests or until cleared."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox import github_faults
from sandbox.envelopes import error_response, service_of

LONGEST_DELAY_MS = 120_000


@dataclass(frozen=True, slots=True)
class Fault:
    """Applies to requests of `service` ("" = every service) whose method and path match.

    `status` 0 only delays; `requests` is how many more are hit (None = until cleared);
    `retry_after` seconds are sent with the status when given. `kind` is one of GitHub's own ways to fail, instead of a
    status. With `after` the request is served first and only its answer is lost.
    """

    number: int
    service: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    delay_ms: int = 0
    requests: int | None = None
    retry_after: int | None = None
    kind: str = ""
    after: bool = False

    def matches(self, service: str, method: str, path: str) -> bool:
        return (
            self.service in {"", service}
            and self.method in {"", method}
            and (not self.path or re.search(self.path, path, re.IGNORECASE) is not None)
        )


class Faults:
    """The faults in force, oldest first; safe to use from any thread."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._number = 0
        self._lock = threading.Lock()

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Put a fault in force; ValueError says which field is wrong."""
        fault = parse_fault(wanted)
        with self._lock:
            self._number += 1
            fault = replace(fault, number=self._number)
            self._faults.append(fault)
        return fault

    def clear(self, number: int | None = None) -> int:
        """End one fault, or all; returns how many were in force."""
        with self._lock:
            kept = [fault for fault in self._faults if number is not None and fault.number != number]
            ended = len(self._faults) - len(kept)
            self._faults = kept
        return ended

    def all(self) -> Sequence[Fault]:
        with self._lock:
            return tuple(self._faults)

    @property
    def in_force(self) -> bool:
        return bool(self._faults)

    def take(self, service: str, method: str, path: str) -> Fault | None:
        """The fault that hits this request, counted down by it."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.matches(service, method, path):
                    self._count_down(index, fault)
                    return fault
        return None

    def _count_down(self, index: int, fault: Fault) -> None:
        if fault.requests is None:
            return
        if fault.requests <= 1:
            del self._faults[index]
        else:
            self._faults[index] = replace(fault, requests=fault.requests - 1)


class FaultMiddleware:
    """Stands before every service and makes it answer as the faults in force say."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = None
        if scope["type"] == "http" and self._faults.in_force:
            service = service_of(scope["path"], Headers(scope=scope))
            if service != "control":
                fault = self._faults.take(service, scope["method"], scope["path"])
        if fault is not None and fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        if fault is None or not (fault.status or fault.kind):
            await self._app(scope, receive, send)
            return
        answer = _Answer()
        if fault.after or fault.kind == github_faults.HALF:
            await self._app(scope, receive, answer.take)
        await _response(fault, service, scope["path"], answer)(scope, receive, send)


class _Answer:
    """What a service would have answered."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


def _response(fault: Fault, service: str, path: str, answer: _Answer) -> Response:
    if fault.kind == github_faults.HALF:
        return Response(github_faults.halved(answer.body), answer.status, media_type="application/json; charset=utf-8")
    if fault.kind:
        return github_faults.refusal(fault.kind, path, fault.retry_after)
    response = error_response(service, fault.status, _code(fault.status), "A fault set at /control/faults.")
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def parse_fault(wanted: Mapping[str, Any]) -> Fault:
    """A fault from JSON; ValueError for an unknown or impossible field."""
    known = {"service", "method", "path", "status", "delay_ms", "requests", "retry_after", "kind", "after"}
    unknown = sorted(set(wanted) - known)
    if unknown:
        raise ValueError(f"Unknown field {unknown[0]!r}; a fault has {', '.join(sorted(known))}.")
    try:
        requests, retry_after = wanted.get("requests"), wanted.get("retry_after")
        fault = Fault(
            number=0,
            service=str(wanted.get("service", "")),
            method=str(wanted.get("method", "")).upper(),
            path=str(wanted.get("path", "")),
            status=int(wanted.get("status", 0)),
            delay_ms=int(wanted.get("delay_ms", 0)),
            requests=None if requests is None else int(requests),
            retry_after=None if retry_after is None else int(retry_after),
            kind=str(wanted.get("kind", "")),
            after=bool(wanted.get("after", False)),
        )
        re.compile(fault.path)
    except (TypeError, ValueError, re.error) as error:
        raise ValueError(f"status, delay_ms and requests are whole numbers, path is a pattern: {error}") from error
    _check_range(fault)
    return fault


def _check_range(fault: Fault) -> None:
    if fault.status and not 400 <= fault.status <= 599:
        raise ValueError(f"status {fault.status} is not an error; use 400 to 599, or 0 to delay only.")
    if not 0 <= fault.delay_ms <= LONGEST_DELAY_MS:
        raise ValueError(f"delay_ms {fault.delay_ms} is outside 0 to {LONGEST_DELAY_MS}.")
    if fault.kind and fault.kind not in github_faults.KINDS:
        raise ValueError(f"There is no kind {fault.kind!r}; there are {', '.join(github_faults.KINDS)}.")
    if fault.kind and (fault.status or fault.service not in {"github", "actions"}):
        raise ValueError("A kind stands for a status, and is of the services github or actions.")
    if fault.after and not fault.status:
        raise ValueError("What is served and not answered needs a status to answer instead.")
    if not fault.status and not fault.delay_ms and not fault.kind:
        raise ValueError("A fault needs a status, a kind or a delay_ms.")
    if fault.requests is not None and fault.requests < 1:
        raise ValueError("requests must be at least 1; leave it out to last until cleared.")


def _code(status: int) -> str:
    return {429: "TooManyRequests", 503: "ServiceUnavailable", 500: "InternalServerError"}.get(status, "InjectedFault")
