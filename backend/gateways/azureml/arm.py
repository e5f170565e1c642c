"""Plain ARM resources that azure-ai-ml does not cover: groups, logs, storage, identities, roles, alert rules."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from backend.errors import CredentialsRejected, NotFound, RemoteRejected, RemoteUnavailable
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.errors import azureml

GROUP_VERSION = "2021-04-01"
LOGS_VERSION = "2023-09-01"
ACTIVITY_VERSION = "2015-04-01"
DIAGNOSTICS_VERSION = "2021-05-01-preview"
MOST_PAGES = 20
STORAGE_VERSION = "2023-05-01"
VAULT_VERSION = "2023-07-01"
INSIGHTS_VERSION = "2020-02-02"
IDENTITY_VERSION = "2023-01-31"
AUTHORIZATION_VERSION = "2022-04-01"
ACTION_GROUP_VERSION = "2023-01-01"
ALERT_VERSION = "2018-03-01"
ALERTS_VERSION = "2019-03-01"
USAGES_VERSION = "2024-04-01"
FINAL = ("Succeeded", "Failed", "Canceled")
MISSING = "nothing yet"


class ArmResources:
    """GET and PUT by resource id, as the identity of a workspace connection."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def get(self, resource_id: str, api_version: str) -> dict[str, Any] | None:
        """The resource, or None if there is none."""
        try:
            return self._send("GET", resource_id, {"api-version": api_version}, None)
        except NotFound:
            return None

    def listed(self, collection_id: str, api_version: str) -> list[dict[str, Any]]:
        """Every item of a collection; none where the parent does not exist."""
        try:
            return self.chosen(collection_id, api_version, {})
        except NotFound:
            return []

    def chosen(self, collection_id: str, api_version: str, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """The items of a collection that pass the filters, of all its pages. NotFound without the parent."""
        answer = self._send("GET", collection_id, {"api-version": api_version, **filters}, None)
        found = list(answer.get("value") or ())
        while answer.get("nextLink"):
            answer = self._send("GET", str(answer["nextLink"]), {}, None)  # a link carries its version
            found += answer.get("value") or ()
        return found

    def put(
        self, resource_id: str, api_version: str, body: Mapping[str, Any], seconds: float = 120.0
    ) -> dict[str, Any]:
        """Create or replace, and look until it is provisioned; some answer 202 without a body and come later."""
        asked = {"api-version": api_version}
        answer = self._send("PUT", resource_id, asked, body) or {"properties": {"provisioningState": MISSING}}
        pause, waited = threading.Event(), 0.0
        while _state(answer) not in FINAL and waited < seconds:
            pause.wait(1.0)
            waited += 1.0
            found = self.get(resource_id, api_version)
            answer = answer if found is None else found
        if _state(answer) != "Succeeded":
            raise RemoteRejected(
                f"Azure left {resource_id.rpartition('/')[2]} as {_state(answer)}; look at its activity log, then "
                "repeat.",
                service="Azure", operation="create a resource",
            )  # fmt: skip
        return answer

    def activity(self, resource_id: str, start: datetime, end: datetime) -> tuple[dict[str, Any], ...]:
        """What was done to exactly this resource, as Azure's activity log has it by now, newest first.

        The log keeps 90 days, and an entry may take minutes to arrive. Source: Azure Monitor REST, "Activity Logs".
        """
        subscription = "/".join(resource_id.split("/")[:3])
        place = f"{subscription}/providers/Microsoft.Insights/eventtypes/management/values"
        when = f"eventTimestamp ge '{_utc(start)}' and eventTimestamp le '{_utc(end)}'"
        asked = {"api-version": ACTIVITY_VERSION, "$filter": f"{when} and resourceUri eq '{resource_id}'"}
        found: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            answer = self._send("GET", place, asked, None)
            found += answer.get("value", [])
            following = httpx.URL(answer.get("nextLink") or "").params
            if not following:
                break
            asked = dict(following)
        return tuple(found)

    def _send(
        self, verb: str, resource_id: str, query: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        ml = self._workspace.ml()
        base = str(ml._base_url).rstrip("/")
        private = self._workspace.cloud.metadata_url
        scope = f"{base}/.default" if private else "https://management.azure.com/.default"
        with azureml("reach a resource"), httpx.Client(verify=self._workspace.tls(), timeout=30) as http:
            headers = {"Authorization": f"Bearer {self._workspace.credential.get_token(scope).token}"}
            url = resource_id if resource_id.startswith(base) else base + resource_id
            answer = http.request(verb, url, params=dict(query) or None, headers=headers, json=body)
        if answer.status_code == 404:
            raise NotFound(f"There is no {resource_id}.")
        if answer.status_code >= 400:
            raise _refused(answer, resource_id)
        return dict(answer.json()) if answer.content else {}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _state(body: Mapping[str, Any]) -> str:
    """Diagnostic settings have no provisioning state: they are there or not."""
    return str((body.get("properties") or {}).get("provisioningState", "Succeeded"))


def _refused(answer: httpx.Response, resource_id: str) -> Exception:
    try:
        words = answer.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        words = f"HTTP {answer.status_code}"
    name, status = resource_id.rpartition("/")[2], answer.status_code
    if status == 429 or status >= 500:
        return RemoteUnavailable(
            f"Azure did not answer for {name} (HTTP {status}): {words}. Try again later.",
            service="Azure", operation="reach a resource", status=status,
        )  # fmt: skip
    kind = CredentialsRejected if status in (401, 403) else RemoteRejected
    return kind(f"Azure refused {name}: {words}", service="Azure", operation="reach a resource", status=status)
