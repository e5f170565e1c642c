"""The activity log: who did what to which resource, as ARM lets it be read for 90 days."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sandbox.arm.ids import ResourceId
from sandbox.state.documents import Document
from sandbox.world import World

KIND = "activity"
KEPT = timedelta(days=90)


def record(world: World, method: str, identity: ResourceId, action: str, caller: str) -> None:
    """Remember a write, a deletion or an action that succeeded. Reading keys and secrets is left out."""
    if method in {"GET", "HEAD"} or identity.name.lower().startswith("list"):
        return
    resource = identity.target if method == "POST" else identity.text
    at = world.now()
    event = str(uuid.uuid4())
    moment = at.isoformat().replace("+00:00", "Z")
    body: Document = {
        "id": f"{resource}/events/{event}/ticks/{at.timestamp():.0f}",
        "eventDataId": event,
        "correlationId": event,
        "eventTimestamp": moment,
        "submissionTimestamp": moment,
        "caller": caller,
        "category": {"value": "Administrative", "localizedValue": "Administrative"},
        "eventName": {"value": "EndRequest", "localizedValue": "End request"},
        "operationName": {"value": action, "localizedValue": action},
        "status": {"value": "Succeeded", "localizedValue": "Succeeded"},
        "authorization": {"action": action, "scope": resource},
        "level": "Informational",
        "resourceId": resource,
        "resourceGroupName": identity.group,
        "subscriptionId": identity.subscription,
    }
    world.documents.put(KIND, f"{resource.lower()}|{moment}|{event}", body)


def of_resource(world: World, resource_id: str, start: datetime, end: datetime) -> list[Document]:
    """What happened to exactly this resource, newest first."""
    oldest = max(start, world.now() - KEPT)
    found = [body for _, body in world.documents.list(KIND, f"/{resource_id.strip('/').lower()}|")]
    within = [body for body in found if oldest <= datetime.fromisoformat(body["eventTimestamp"]) <= end]
    return sorted(within, key=lambda body: str(body["eventTimestamp"]), reverse=True)
