"""GitHub's own ways to be unwell: both rate limits, a token that was revoked, half a GraphQL answer.

Limits: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
GraphQL: https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

from __future__ import annotations

import json
import time
from typing import Any

from starlette.responses import Response

PRIMARY, SECONDARY, REVOKED, HALF = "primary_limit", "secondary_limit", "revoked", "half"
KINDS = (PRIMARY, SECONDARY, REVOKED, HALF)
HOURLY = 5_000
RESET_SECONDS = 60
LIMITED = "API rate limit exceeded for installation ID 77000001."
TOO_FAST = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
TOO_MUCH = {"type": "RESOURCE_LIMITS_EXCEEDED", "message": "Resource limits for this query exceeded."}


def refusal(kind: str, path: str, seconds: int | None) -> Response:
    """GitHub's answer to a request that it does not serve; `seconds` is when it serves the next."""
    if kind == REVOKED:
        return _answer(401, {"message": "Bad credentials"})
    if kind == SECONDARY:
        headers = {"Retry-After": str(seconds)} if seconds is not None else {}
        return _answer(403, {"message": TOO_FAST}, headers)
    graphql = path == "/api/graphql"
    headers = {
        "X-RateLimit-Limit": str(HOURLY),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Used": str(HOURLY),
        "X-RateLimit-Reset": str(int(time.time()) + (RESET_SECONDS if seconds is None else seconds)),
        "X-RateLimit-Resource": "graphql" if graphql else "core",
    }
    if graphql:
        return _answer(200, {"errors": [{"type": "RATE_LIMITED", "message": LIMITED}]}, headers)
    return _answer(403, {"message": LIMITED}, headers)


def _answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    documented = body if "errors" in body else {**body, "documentation_url": "https://docs.github.com/rest"}
    return Response(json.dumps(documented), status, headers, media_type="application/json; charset=utf-8")


def halved(body: bytes) -> bytes:
    """A GraphQL answer without the last thing of each of its lists, and an error that says so."""
    answer = json.loads(body)
    _drop(answer.get("data"))
    return json.dumps({**answer, "errors": [*answer.get("errors", ()), TOO_MUCH]}).encode()


def _drop(value: Any) -> None:
    if isinstance(value, list) and value:
        value[-1] = None
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _drop(part)
