"""Workspaces, compute clusters and endpoints: read and made for setup, which may wait for them."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Conflict, NotFound
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.errors import azureml

WORKSPACE_SECONDS = 900
COMPUTE_SECONDS = 600
ENDPOINT_SECONDS = 900


@dataclass(frozen=True, slots=True)
class WorkspaceParts:
    """Ids of the storage account, key vault and Application Insights that a workspace stands on.

    A new workspace without one gets one that Azure names.
    """

    region: str
    storage: str = ""
    vault: str = ""
    insights: str = ""

    def lower(self) -> tuple[str, ...]:
        """For a comparison: Azure spells an id as it likes."""
        return self.region.lower(), self.storage.lower(), self.vault.lower(), self.insights.lower()


class Foundation:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def workspace(self) -> WorkspaceParts | None:
        """Where the workspace is and what it stands on, or None if it does not exist."""
        try:
            with azureml("read the workspace"):
                found = self._workspace.ml().workspaces.get(self._workspace.name)
        except NotFound:
            return None
        return WorkspaceParts(
            region=str(found.location),
            storage=str(found.storage_account or ""),
            vault=str(found.key_vault or ""),
            insights=str(found.application_insights or ""),
        )

    def create_workspace(self, parts: WorkspaceParts, group: str, description: str) -> None:
        """Create it on parts that exist. A workspace that is there keeps its parts: Azure changes none of them."""
        from azure.ai.ml.entities import Workspace as Entity

        now = self.workspace()
        if now is not None and now.lower() != parts.lower():
            raise Conflict(
                f"The workspace {self._workspace.name} exists in another region or on other parts, which Azure does "
                "not change; declare what it has, or name another workspace.",
                expected=str(parts), actual=str(now),
            )  # fmt: skip
        entity = Entity(
            name=self._workspace.name,
            location=parts.region,
            resource_group=group,
            description=description,
            storage_account=parts.storage or None,
            key_vault=parts.vault or None,
            application_insights=parts.insights or None,
        )
        with azureml("create the workspace"):
            self._workspace.ml().workspaces.begin_create(entity).result(WORKSPACE_SECONDS)

    def compute(self, name: str) -> dict[str, object] | None:
        """Size and limits of a cluster as declared.toml names them, or None."""
        try:
            with azureml("read a compute cluster"):
                found = self._workspace.ml().compute.get(name)
        except NotFound:
            return None
        return {
            "size": found.size,
            "min_nodes": found.min_instances,
            "max_nodes": found.max_instances,
            "idle_seconds": int(found.idle_time_before_scale_down or 0),
        }

    def create_compute(self, name: str, size: str, min_nodes: int, max_nodes: int, idle_seconds: int) -> None:
        from azure.ai.ml.entities import AmlCompute

        entity = AmlCompute(
            name=name,
            size=size,
            min_instances=min_nodes,
            max_instances=max_nodes,
            idle_time_before_scale_down=idle_seconds,
        )
        with azureml("create a compute cluster"):
            self._workspace.ml().compute.begin_create_or_update(entity).result(COMPUTE_SECONDS)

    def endpoint_mode(self, name: str) -> str | None:
        """The authentication mode of an endpoint, or None if it does not exist."""
        try:
            with azureml("read an endpoint"):
                return str(self._workspace.ml().online_endpoints.get(name).auth_mode)
        except NotFound:
            return None

    def create_endpoint(self, name: str, auth_mode: str, description: str) -> None:
        from azure.ai.ml.entities import ManagedOnlineEndpoint

        if self.endpoint_mode(name) is not None:
            # An existing endpoint's mode cannot be changed, and writing it anew would drop its traffic.
            raise Conflict(
                f"The endpoint {name} exists with another authentication mode, which Azure does not change; choose "
                "another name, or declare the mode it has.",
                expected=auth_mode, actual=str(self.endpoint_mode(name)),
            )  # fmt: skip
        entity = ManagedOnlineEndpoint(name=name, auth_mode=auth_mode, description=description)
        with azureml("create an endpoint"):
            self._workspace.ml().online_endpoints.begin_create_or_update(entity).result(ENDPOINT_SECONDS)
