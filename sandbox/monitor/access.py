"""Who may ask: a token for the right audience, of a principal that may read the resource."""

from __future__ import annotations

from starlette.requests import Request

from sandbox.arm.authorisation import permitted
from sandbox.arm.ids import parse
from sandbox.identity.keys import ENTRA
from sandbox.identity.tokens import Principal, authenticate, read_jwt
from sandbox.monitor.errors import MetricsError, insufficient_access, invalid_token
from sandbox.state.documents import Document
from sandbox.world import World

LOG_AUDIENCES = {"https://api.loganalytics.io", "https://api.loganalytics.azure.com"}
METRICS_AUDIENCES = {"https://metrics.monitor.azure.com"}


def log_reader(world: World, request: Request) -> Principal:
    """The caller of the Log Analytics API; 401 InvalidTokenError without a token for it, 403 for a job's."""
    principal = _caller(world, request, LOG_AUDIENCES | {world.settings.url})
    if principal is None:
        raise invalid_token()
    if principal.kind not in {"person", "program"}:
        raise insufficient_access()
    return principal


def may_read_logs_of(principal: Principal, resource_id: str) -> None:
    """403 InsufficientAccessError unless the caller may read the resource."""
    identity = parse(resource_id)
    if not permitted(principal, f"{identity.type}/read", identity):
        raise insufficient_access()


def metrics_reader(world: World, request: Request, subscription: str) -> Principal:
    """The caller of the metrics batch API, which wants a right on the whole subscription."""
    principal = _caller(world, request, METRICS_AUDIENCES | {world.settings.url})
    if principal is None:
        raise MetricsError(
            401, "InvalidAuthenticationToken", "The access token is missing, expired or for another audience."
        )
    identity = parse(f"/subscriptions/{subscription}")
    if not permitted(principal, "microsoft.insights/metrics/read", identity):
        said = (
            f"The client '{principal.name}' does not have authorization to read metrics over scope '{identity.text}'."
        )
        raise MetricsError(403, "AuthorizationFailed", said)
    return principal


def log_workspace(world: World, guid: str) -> Document | None:
    """The Log Analytics workspace with this customer id, or the Azure ML workspace with this workspace id."""
    for _, resource in world.documents.list("arm"):
        properties = resource.get("properties") or {}
        if guid.lower() in {str(properties.get(name, "")).lower() for name in ("customerId", "workspaceId")}:
            return resource
    return None


def _caller(world: World, request: Request, audiences: set[str]) -> Principal | None:
    header = request.headers.get("authorization") or ""
    claims = read_jwt(world, header.partition(" ")[2], ENTRA)
    if claims is None or str(claims.get("aud")).rstrip("/") not in audiences:
        return None
    return authenticate(world, header)
