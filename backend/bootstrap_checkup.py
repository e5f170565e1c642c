"""Builds what looks at an installation, or at what existed before it: doctor, assessment, adoption."""

from __future__ import annotations

from backend.bootstrap import Gateways, connect, open_store, setup_sides
from backend.domain.clock import Clock, utc_now
from backend.gateways.azureml.arm import ArmResources
from backend.gateways.azureml.endpoints import Endpoints as EndpointGateway
from backend.gateways.azureml.foundation import Foundation
from backend.gateways.azureml.limits import Limits
from backend.gateways.azureml.models import Models as ModelGateway
from backend.gateways.azureml.runs import Runs as RunGateway
from backend.gateways.credentials import tls_context
from backend.gateways.github.guards import Guards
from backend.gateways.github.repositories import Repositories
from backend.gateways.github.rulesets import Rulesets
from backend.operations.adopting import Adopting
from backend.operations.assessing import Assessing, Existing
from backend.operations.checking import clock_agrees
from backend.operations.doctor import Doctor
from backend.settings import Settings
from backend.settings_project import Project
from backend.setup.resource import plan
from backend.setup.whole import declared_resources


def build_adopting(settings: Settings, clock: Clock = utc_now) -> Adopting:
    """Taking over what serves production already."""
    prod = connect(settings, clock).prod
    store = open_store(settings, clock)
    return Adopting(store, settings.project, EndpointGateway(prod), ModelGateway(prod), clock)


def build_doctor(settings: Settings, clock: Clock = utc_now) -> Doctor:
    """What this installation needs, looked at as the identity of this process."""
    gateways = connect(settings, clock)
    return Doctor(
        settings,
        open_store(settings, clock),
        _limits(gateways),
        Rulesets(gateways.github),
        (gateways.project.group_id, gateways.dev.arm_id, gateways.prod.arm_id),
        clock,
    )


def build_assessing(settings: Settings, project: Project, clock: Clock = utc_now) -> Assessing:
    """A look at what exists, as `project` names it. Needs no database."""
    pointed = settings.model_copy(update={"projects": {**settings.projects, settings.default_project: project}})
    gateways = connect(pointed, clock)
    sides = setup_sides(pointed, gateways)
    return Assessing(
        Existing(
            project=project,
            workspace_id=gateways.prod.arm_id,
            endpoint_id=gateways.prod.endpoint_id(project.endpoint),
            arm=ArmResources(gateways.prod),
            limits=_limits(gateways),
            foundation=Foundation(gateways.prod),
            endpoints=EndpointGateway(gateways.prod),
            models=ModelGateway(gateways.prod),
            runs=RunGateway(gateways.prod),
            guards=Guards(gateways.github),
            repositories=Repositories(gateways.github),
            plan=lambda: plan(declared_resources(sides)),
            clock=lambda: clock_agrees(settings.github.api_url, tls_context(settings.cloud), clock),
        )
    )


def _limits(gateways: Gateways) -> Limits:
    project = gateways.project
    return Limits(ArmResources(gateways.prod), project.subscription_id, project.region)
