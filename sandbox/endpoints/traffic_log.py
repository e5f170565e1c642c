"""Answered requests as rows of AmlOnlineEndpointTrafficLog."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.endpoints.directory import Route
from sandbox.monitor import tables
from sandbox.world import World

SCORED = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score"
MIRRORED = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/mirror"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One answered request; times in milliseconds since it began, sizes in bytes, `model_status` 0 if not asked."""

    deployment: str
    method: str
    path: str
    protocol: str
    user_agent: str
    request_id: str
    client_request_id: str
    status: int
    reason: str
    model_status: int
    model_reason: str
    request_bytes: int
    response_bytes: int
    total_ms: float
    request_ms: float
    response_ms: float


class TrafficLog:
    """Writes entries for a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def record(self, route: Route, entry: Entry, *, mirrored: bool = False) -> None:
        """Queue the row; never waits for the tables."""
        row = {
            "EndpointName": route.name,
            "DeploymentName": entry.deployment,
            "Method": entry.method,
            "Path": entry.path,
            "Protocol": entry.protocol,
            "AuthType": "Key",
            "Location": route.location,
            "OperationName": MIRRORED if mirrored else SCORED,
            "UserAgent": entry.user_agent,
            "XRequestId": entry.request_id,
            "XMSClientRequestId": entry.client_request_id,
            "AzureMLWorkspaceId": route.workspace_guid,
            "AzureMLWorkspaceName": route.workspace,
            "ResponseCode": entry.status,
            "ResponseCodeReason": entry.reason,
            "ModelStatusCode": entry.model_status,
            "ModelStatusReason": entry.model_reason,
            "RequestPayloadSize": entry.request_bytes,
            "ResponsePayloadSize": entry.response_bytes,
            "TotalDurationMs": round(entry.total_ms),
            "RequestDurationMs": round(entry.request_ms),
            "ResponseDurationMs": round(entry.response_ms),
            "_ResourceId": route.resource_id,
        }
        tables.record_traffic(self._world, row)
