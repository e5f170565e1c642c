"""Builds the drills that a worker performs; apart, because the engine's guard that they try brings all of SciPy."""

from __future__ import annotations

from backend.bootstrap import Gateways, as_app, as_person, github_oauth
from backend.domain.clock import Clock, utc_now
from backend.gateways.azureml.arm import ArmResources
from backend.gateways.azureml.trust import Trust
from backend.operations.drilling import LEASE_SECONDS, Drilling
from backend.operations.drills_ci import CiDrill
from backend.operations.drills_release import ReleaseDrill
from backend.operations.lent_tokens import LentTokens
from backend.promotion.context import Reach
from backend.settings import Settings
from backend.setup.declaration import read_declaration
from backend.store import Store


def drilling(
    settings: Settings,
    store: Store,
    gateways: Gateways,
    reach: Reach,
    clock: Clock = utc_now,
    lease_seconds: float = LEASE_SECONDS,
) -> Drilling:
    """The drills that a worker performs: `reach` is what its engine has."""
    project, app = gateways.project, as_app(settings, gateways.project)
    folder = settings.home / "drill"
    return Drilling(
        store,
        project,
        app,
        lambda token: as_person(settings, project, token),
        LentTokens(store.tokens, github_oauth(settings, clock), clock),
        CiDrill(
            project=project,
            declared=read_declaration(project.declaration),
            app=app,
            trust=Trust(ArmResources(gateways.prod), project.group_id),
            workspace=gateways.prod.arm_id,
            endpoint=gateways.prod.endpoint_id(project.endpoint),
            issuer=settings.github.actions_issuer,
        ),
        ReleaseDrill(store, reach, project, settings.default_project, clock, folder),
        clock,
        folder=folder,
        every_hours=settings.worker.drill_every_hours,
        lease_seconds=lease_seconds,
    )
