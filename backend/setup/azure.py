"""The Azure side: groups, two workspaces apart, their compute, data, environment, endpoints, logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.errors import Invalid
from backend.gateways.azureml.arm import DIAGNOSTICS_VERSION, GROUP_VERSION, LOGS_VERSION, ArmResources
from backend.gateways.azureml.assets import Assets, environment_digest, file_digest
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.foundation import Foundation
from backend.settings import Project
from backend.setup.data_file import check_table
from backend.setup.declaration import Declaration
from backend.setup.resource import Resource, differing

DIAGNOSTIC_NAME = "mlops-console"


@dataclass(frozen=True, slots=True)
class Place:
    """One workspace with what setup needs of it. `data_file` may be None once the data asset exists."""

    workspace: Workspace
    foundation: Foundation
    assets: Assets
    data_name: str
    data_file: Path | None


def azure_resources(project: Project, declared: Declaration, dev: Place, prod: Place) -> Sequence[Resource]:
    arm = ArmResources(prod.workspace)
    logs_id = prod.workspace.logs_id
    found: list[Resource] = [_group(project, arm), _log_workspace(project, arm, logs_id)]
    for place in (dev, prod):
        found += [_workspace(project, place), _compute(project, declared, place), _data(place)]
        found.append(_environment(project, declared, place))
    for name in (project.test_endpoint, project.endpoint):
        found.append(_endpoint(declared, prod, name))
        found.append(_diagnostics(declared, prod, arm, name, logs_id))
    return found


def _group(project: Project, arm: ArmResources) -> Resource:
    group_id = f"/subscriptions/{project.subscription_id}/resourceGroups/{project.resource_group}"

    def look() -> tuple[str, ...] | None:
        now = arm.get(group_id, GROUP_VERSION)
        return None if now is None else differing({"location": project.region}, now)

    return Resource(
        kind="resource group",
        name=project.resource_group,
        where=project.region,
        look=look,
        make=lambda: _ignore(arm.put(group_id, GROUP_VERSION, {"location": project.region})),
    )


def _log_workspace(project: Project, arm: ArmResources, logs_id: str) -> Resource:
    body = {"location": project.region, "properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": 30}}
    return Resource(
        kind="log workspace",
        name=logs_id.rpartition("/")[2],
        where=project.resource_group,
        look=lambda: None if arm.get(logs_id, LOGS_VERSION) is None else (),
        make=lambda: _ignore(arm.put(logs_id, LOGS_VERSION, body)),
    )


def _workspace(project: Project, place: Place) -> Resource:
    def look() -> tuple[str, ...] | None:
        region = place.foundation.workspace_region()
        return None if region is None else differing({"region": project.region}, {"region": region})

    return Resource(
        kind="workspace",
        name=place.workspace.name,
        where=project.resource_group,
        look=look,
        make=lambda: place.foundation.create_workspace(
            project.region, project.resource_group, f"Workspace of {project.model}"
        ),
    )


def _compute(project: Project, declared: Declaration, place: Place) -> Resource:
    wanted = declared.compute

    def look() -> tuple[str, ...] | None:
        now = place.foundation.compute(project.compute)
        return None if now is None else differing(wanted.model_dump(), now)

    return Resource(
        kind="compute cluster",
        name=project.compute,
        where=place.workspace.name,
        look=look,
        make=lambda: place.foundation.create_compute(
            project.compute, wanted.size, wanted.min_nodes, wanted.max_nodes, wanted.idle_seconds
        ),
    )


def _data(place: Place) -> Resource:
    def look() -> tuple[str, ...] | None:
        if place.data_file is not None:
            check_table(place.data_file)
        now = place.assets.data(place.data_name)
        if now is None:
            return None
        if place.data_file is None:
            return ()
        return differing({"digest": file_digest(place.data_file)}, {"digest": now.digest})

    def make() -> None:
        if place.data_file is None:
            raise Invalid(
                f"The data asset {place.data_name} does not exist yet: give its file with --dev-data or --prod-data."
            )
        place.assets.ensure_data(place.data_name, place.data_file, f"Patients for {place.workspace.name}")

    return Resource(kind="data asset", name=place.data_name, where=place.workspace.name, look=look, make=make)


def _environment(project: Project, declared: Declaration, place: Place) -> Resource:
    source = declared.environment

    def look() -> tuple[str, ...] | None:
        now = place.assets.environment(project.environment)
        if now is None:
            return None
        return differing({"digest": environment_digest(source.image, source.conda_file)}, {"digest": now.digest})

    return Resource(
        kind="environment",
        name=project.environment,
        where=place.workspace.name,
        look=look,
        make=lambda: _ignore(
            place.assets.ensure_environment(
                project.environment, source.image, source.conda_file, "Training and scoring environment"
            )
        ),
    )


def _endpoint(declared: Declaration, prod: Place, name: str) -> Resource:
    def look() -> tuple[str, ...] | None:
        now = prod.foundation.endpoint_mode(name)
        return (
            None if now is None else differing({"auth mode": declared.endpoint.auth_mode}, {"auth mode": now.lower()})
        )

    return Resource(
        kind="endpoint",
        name=name,
        where=prod.workspace.name,
        look=look,
        make=lambda: prod.foundation.create_endpoint(
            name, declared.endpoint.auth_mode, "Diabetes risk for practitioners"
        ),
    )


def _diagnostics(declared: Declaration, prod: Place, arm: ArmResources, endpoint: str, logs_id: str) -> Resource:
    setting = (
        f"{prod.workspace.endpoint_id(endpoint)}/providers/Microsoft.Insights/diagnosticSettings/{DIAGNOSTIC_NAME}"
    )
    body = {
        "properties": {
            "workspaceId": logs_id,
            "logs": [{"category": category, "enabled": True} for category in declared.endpoint.logs],
            "metrics": [{"category": "AllMetrics", "enabled": True}],
        }
    }

    def look() -> tuple[str, ...] | None:
        now = arm.get(setting, DIAGNOSTICS_VERSION)
        if now is None:
            return None
        return differing({"logs": ", ".join(declared.endpoint.logs)}, {"logs": ", ".join(_enabled(now))})

    return Resource(
        kind="diagnostic setting",
        name=DIAGNOSTIC_NAME,
        where=endpoint,
        look=look,
        make=lambda: _ignore(arm.put(setting, DIAGNOSTICS_VERSION, body)),
    )


def _enabled(setting: Mapping[str, object]) -> list[str]:
    properties = setting.get("properties")
    logs = properties.get("logs", []) if isinstance(properties, Mapping) else []
    return [entry["category"] for entry in logs if entry.get("enabled")]


def _ignore(_made: object) -> None:
    """A resource's `make` answers nothing; what the gateway answers is looked at anew by the next plan."""
