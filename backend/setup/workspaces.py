"""The group, the log workspace, and two workspaces apart: what each stands on, its compute, data and environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.errors import Invalid
from backend.gateways.azureml.arm import (
    GROUP_VERSION,
    INSIGHTS_VERSION,
    LOGS_VERSION,
    STORAGE_VERSION,
    VAULT_VERSION,
    ArmResources,
)
from backend.gateways.azureml.assets import Assets, environment_digest, file_digest
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.foundation import Foundation, WorkspaceParts
from backend.settings_project import Project
from backend.setup.arm_resource import Document, arm_resource, name_in
from backend.setup.data_file import check_table
from backend.setup.declaration import Declaration
from backend.setup.resource import Resource, words


@dataclass(frozen=True, slots=True)
class Place:
    """One workspace with what setup needs of it. `data_file` may be None once the data asset exists."""

    workspace: Workspace
    foundation: Foundation
    assets: Assets
    data_name: str
    data_file: Path | None


def shared_resources(project: Project, declared: Declaration, arm: ArmResources, logs_id: str) -> Sequence[Resource]:
    """What both workspaces lie in and log to."""
    group = arm_resource(
        arm,
        kind="resource group",
        name=project.resource_group,
        where=project.region,
        at=project.group_id,
        version=GROUP_VERSION,
        body=lambda: {"location": project.region},
        read=lambda found: {"region": words(found.get("location"))},
    )
    logs = arm_resource(
        arm,
        kind="log workspace",
        name=logs_id.rpartition("/")[2],
        where=project.resource_group,
        at=logs_id,
        version=LOGS_VERSION,
        body=lambda: {
            "location": project.region,
            "properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": declared.logs.retention_days},
        },
        read=lambda found: {"retention in days": words((found.get("properties") or {}).get("retentionInDays"))},
    )
    return group, logs


def workspace_resources(
    project: Project, declared: Declaration, arm: ArmResources, place: Place, logs_id: str
) -> Sequence[Resource]:
    parts = _parts(project, declared, place.workspace.name)
    return (
        _storage(project, declared, arm, parts.storage, place),
        _vault(project, arm, parts.vault, place),
        _insights(project, arm, parts.insights, place, logs_id),
        _workspace(project, place, parts),
        _compute(project, declared, place),
        _data(place),
        _environment(project, declared, place),
    )


def _parts(project: Project, declared: Declaration, workspace: str) -> WorkspaceParts:
    providers = f"{project.group_id}/providers"
    named = declared.parts.named
    return WorkspaceParts(
        region=project.region,
        storage=f"{providers}/Microsoft.Storage/storageAccounts/{named(declared.parts.storage, workspace)}",
        vault=f"{providers}/Microsoft.KeyVault/vaults/{named(declared.parts.vault, workspace)}",
        insights=f"{providers}/Microsoft.Insights/components/{named(declared.parts.insights, workspace)}",
    )


def _storage(project: Project, declared: Declaration, arm: ArmResources, at: str, place: Place) -> Resource:
    def read(found: Document) -> Mapping[str, str]:
        rules = found.get("properties") or {}
        return {
            "region": words(found.get("location")),
            "sku": words((found.get("sku") or {}).get("name")),
            "public blobs": words(rules.get("allowBlobPublicAccess")),
            "TLS at least": words(rules.get("minimumTlsVersion")),
            "https only": words(rules.get("supportsHttpsTrafficOnly")),
        }

    return arm_resource(
        arm,
        kind="storage account",
        name=name_in(at),
        where=place.workspace.name,
        at=at,
        version=STORAGE_VERSION,
        body=lambda: {
            "location": project.region,
            "sku": {"name": declared.parts.storage_sku},
            "kind": "StorageV2",
            "properties": {
                "allowBlobPublicAccess": False,
                "minimumTlsVersion": "TLS1_2",
                "supportsHttpsTrafficOnly": True,
            },
        },
        read=read,
    )


def _vault(project: Project, arm: ArmResources, at: str, place: Place) -> Resource:
    def read(found: Document) -> Mapping[str, str]:
        rules = found.get("properties") or {}
        return {
            "region": words(found.get("location")),
            "purge protection": words(rules.get("enablePurgeProtection", False)),
        }

    tenant_rules = {"tenantId": place.workspace.tenant_id, "sku": {"family": "A", "name": "standard"}}
    return arm_resource(
        arm,
        kind="key vault",
        name=name_in(at),
        where=place.workspace.name,
        at=at,
        version=VAULT_VERSION,
        body=lambda: {"location": project.region, "properties": {**tenant_rules, "enablePurgeProtection": True}},
        # Azure ML adds the workspace's own identity to these; sent again, an empty list would lock it out.
        first={"properties": {"accessPolicies": []}},
        read=read,
    )


def _insights(project: Project, arm: ArmResources, at: str, place: Place, logs_id: str) -> Resource:
    def read(found: Document) -> Mapping[str, str]:
        rules = found.get("properties") or {}
        return {
            "region": words(found.get("location")),
            "log workspace": name_in(rules.get("WorkspaceResourceId")),
        }

    return arm_resource(
        arm,
        kind="application insights",
        name=name_in(at),
        where=place.workspace.name,
        at=at,
        version=INSIGHTS_VERSION,
        body=lambda: {
            "location": project.region,
            "kind": "web",
            "properties": {"Application_Type": "web", "WorkspaceResourceId": logs_id},
        },
        read=read,
    )


def _workspace(project: Project, place: Place, parts: WorkspaceParts) -> Resource:
    def read(found: WorkspaceParts) -> Mapping[str, str]:
        return {
            "region": found.region,
            "storage account": name_in(found.storage),
            "key vault": name_in(found.vault),
            "application insights": name_in(found.insights),
        }

    def look() -> Mapping[str, str] | None:
        found = place.foundation.workspace()
        return None if found is None else read(found)

    return Resource(
        kind="workspace",
        name=place.workspace.name,
        where=project.resource_group,
        declared=lambda: read(parts),
        look=look,
        make=lambda: place.foundation.create_workspace(parts, project.resource_group, f"Workspace of {project.model}"),
    )


def _compute(project: Project, declared: Declaration, place: Place) -> Resource:
    wanted = declared.compute

    def read(values: Mapping[str, object]) -> Mapping[str, str]:
        # Azure answers the size in capitals.
        told = {name.replace("_", " "): words(value) for name, value in values.items()}
        return {**told, "size": told["size"].lower()}

    def look() -> Mapping[str, str] | None:
        now = place.foundation.compute(project.compute)
        return None if now is None else read(now)

    return Resource(
        kind="compute cluster",
        name=project.compute,
        where=place.workspace.name,
        declared=lambda: read(wanted.model_dump()),
        look=look,
        make=lambda: place.foundation.create_compute(
            project.compute, wanted.size, wanted.min_nodes, wanted.max_nodes, wanted.idle_seconds
        ),
    )


def _data(place: Place) -> Resource:
    there = "as registered"

    def declared() -> Mapping[str, str]:
        return {"digest": there if place.data_file is None else file_digest(place.data_file)}

    def look() -> Mapping[str, str] | None:
        if place.data_file is not None:
            check_table(place.data_file)
        now = place.assets.data(place.data_name)
        if now is None:
            return None
        return {"digest": there if place.data_file is None else now.digest or "nothing"}

    def make() -> None:
        if place.data_file is None:
            raise Invalid(
                f"The data asset {place.data_name} does not exist yet: give its file with --dev-data or --prod-data."
            )
        place.assets.ensure_data(place.data_name, place.data_file, f"Patients for {place.workspace.name}")

    return Resource(
        kind="data asset", name=place.data_name, where=place.workspace.name, declared=declared, look=look, make=make
    )


def _environment(project: Project, declared: Declaration, place: Place) -> Resource:
    source = declared.environment

    def look() -> Mapping[str, str] | None:
        now = place.assets.environment(project.environment)
        return None if now is None else {"digest": now.digest or "nothing"}

    def make() -> None:
        place.assets.ensure_environment(
            project.environment, source.image, source.conda_file, "Training and scoring environment"
        )

    return Resource(
        kind="environment",
        name=project.environment,
        where=place.workspace.name,
        declared=lambda: {"digest": environment_digest(source.image, source.conda_file)},
        look=look,
        make=make,
    )
