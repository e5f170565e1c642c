"""Where objects are wired, here and in `bootstrap_*`. Nothing opens a connection; the first use of each object does."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from backend.domain.clock import Clock, utc_now
from backend.errors import NotFound
from backend.gateways.azureml.arm import LOGS_VERSION, ArmResources
from backend.gateways.azureml.assets import Assets
from backend.gateways.azureml.client import Workspace, apply_environment
from backend.gateways.azureml.endpoints import Endpoints as EndpointGateway
from backend.gateways.azureml.foundation import Foundation
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.azureml.models import Models as ModelGateway
from backend.gateways.azureml.run_files import RunFiles
from backend.gateways.azureml.run_index import shared
from backend.gateways.credentials import ProgramIdentity
from backend.gateways.directory import Directory
from backend.gateways.github.actions import Actions
from backend.gateways.github.actions_permissions import ActionsPermissions
from backend.gateways.github.app import Installation, program_credential
from backend.gateways.github.board import Board
from backend.gateways.github.client import GitHubReader, GitHubWriter
from backend.gateways.github.contents import Contents
from backend.gateways.github.environments import DeploymentEnvironments
from backend.gateways.github.oauth import OAuth
from backend.gateways.github.pulls import Pulls
from backend.gateways.github.repositories import Repositories
from backend.gateways.github.rulesets import Rulesets
from backend.gateways.github.stand_in import StandIn
from backend.gateways.github.tags import Tags
from backend.gateways.github.webhooks import Webhooks
from backend.gateways.monitor.alerts import AlertInstances
from backend.gateways.monitor.logs import Logs
from backend.gateways.monitor.metrics import Metrics
from backend.gateways.targets import trusted
from backend.operations.alerts import Alerts
from backend.operations.anchoring import Anchoring
from backend.operations.approvers import Approvers
from backend.operations.auditing import Auditing
from backend.operations.behaviour import ModelBehaviour
from backend.operations.contracts import Contracts
from backend.operations.council import rules_of
from backend.operations.doorbell import Doorbell
from backend.operations.drills import Drills
from backend.operations.endpoints import Endpoints
from backend.operations.events import Events
from backend.operations.history import History
from backend.operations.inbox import Inbox
from backend.operations.judging import Judging
from backend.operations.keyring import Keyring
from backend.operations.labels import Labels
from backend.operations.ledger import Ledger
from backend.operations.models import Models
from backend.operations.objectives import Objectives
from backend.operations.overrides import Overrides
from backend.operations.people import People
from backend.operations.promotions import Promotions
from backend.operations.quarantines import Quarantines
from backend.operations.releases import Releases
from backend.operations.reviews import Reviews
from backend.operations.run_comparisons import RunComparisons
from backend.operations.run_remarks import RunRemarks
from backend.operations.run_requests import RunRequests
from backend.operations.runs import Runs, training_price
from backend.operations.setup import Setup
from backend.operations.steering import Steering
from backend.operations.telemetry import Telemetry
from backend.settings import Settings
from backend.settings_project import Project
from backend.setup.cost import monthly_cost
from backend.setup.declaration import read_declaration
from backend.setup.github import GitHubSide
from backend.setup.whole import Sides, declared_resources
from backend.setup.workspaces import Place
from backend.store import Store

CALLBACK = "/github/callback"
"""Where GitHub sends a browser back to; registered with the app."""

_migrating = threading.Lock()
_migrated: set[str] = set()


@dataclass(frozen=True, slots=True)
class Backend:
    """Every operation that the console and the CLI offer, over one store."""

    settings: Settings
    reviews: Reviews
    runs: Runs
    run_remarks: RunRemarks
    run_comparisons: RunComparisons
    run_requests: RunRequests
    models: Models
    releases: Releases
    promotions: Promotions
    steering: Steering
    judging: Judging
    approvers: Approvers
    overrides: Overrides
    quarantines: Quarantines
    endpoints: Endpoints
    contracts: Contracts
    keyring: Keyring
    events: Events
    telemetry: Telemetry
    behaviour: ModelBehaviour
    labels: Labels
    ledger: Ledger
    auditing: Auditing
    anchoring: Anchoring
    people: People
    setup: Setup
    drills: Drills
    doorbell: Doorbell
    inbox: Inbox
    alerts: Alerts
    objectives: Objectives


@dataclass(frozen=True, slots=True)
class Gateways:
    """The network side of one project. Workspaces by name; the test endpoint lives in the production workspace."""

    project: Project
    dev: Workspace
    prod: Workspace
    github: GitHubReader
    logs: Logs
    metrics: Metrics

    @property
    def workspaces(self) -> Mapping[str, Workspace]:
        return {self.dev.name: self.dev, self.prod.name: self.prod}


def build(settings: Settings, clock: Clock = utc_now) -> Backend:
    """The backend of the default project. Brings the database up to date; reaches no service."""
    store = open_store(settings, clock)
    gateways = connect(settings, clock)
    endpoints = EndpointGateway(gateways.prod)
    project = gateways.project
    promotions, steering = Promotions(store, project, clock), Steering(store, project, clock)
    rules = rules_of(project)
    cache, contents = settings.home / "cache", Contents(gateways.github)
    runs = Runs(gateways.workspaces, store, shared(cache), training_price(project), clock)
    return Backend(
        settings=settings,
        reviews=Reviews(Pulls(gateways.github), Board(gateways.github), Actions(gateways.github), store, clock, rules),
        runs=runs,
        run_remarks=RunRemarks(store, clock),
        run_comparisons=RunComparisons(gateways.workspaces, runs, RunFiles(cache / "artefacts"), contents),
        run_requests=RunRequests(store, project, runs, contents, clock),
        models=Models(store, project, ModelGateway(gateways.prod), promotions, steering, clock),
        releases=Releases(store, project, clock),
        judging=Judging(store, Jobs(gateways.prod)),
        promotions=promotions,
        steering=steering,
        approvers=Approvers(store, project, clock),
        overrides=Overrides(store, project, clock),
        quarantines=Quarantines(store, project, steering, clock),
        endpoints=Endpoints(endpoints),
        contracts=Contracts(store, project, endpoints, clock),
        keyring=Keyring(store, project, endpoints, gateways.logs, clock),
        events=Events(store, project),
        telemetry=_telemetry(gateways, endpoints, History(store, project)),
        behaviour=ModelBehaviour(store, project, clock),
        labels=Labels(store, project, clock),
        ledger=Ledger(store),
        people=_people(settings, store, clock),
        auditing=Auditing(store, project, clock),
        anchoring=Anchoring(store, Tags(gateways.github), Contents(gateways.github), project, clock),
        setup=_setup(settings, store, gateways, None, None),
        drills=Drills(store),
        doorbell=Doorbell(store, settings.github.webhook_secret),
        inbox=_inbox(settings, store, clock),
        alerts=Alerts(store, clock),
        objectives=Objectives(store, project),
    )


def _telemetry(gateways: Gateways, endpoints: EndpointGateway, history: History) -> Telemetry:
    prod = gateways.prod
    alerts = AlertInstances(ArmResources(prod), prod.project.group_id)
    return Telemetry(prod, endpoints, gateways.logs, gateways.metrics, alerts, history)


def _people(settings: Settings, store: Store, clock: Clock) -> People:
    signin, known = settings.signin, rules_of(settings.project).people
    identity = ProgramIdentity(settings.identity, settings.cloud)
    roles_now = Directory(signin, identity, settings.cloud).roles if signin.directory_url else None
    return People(github_oauth(settings, clock), store, clock, signin.max_age, known, roles_now)


def _inbox(settings: Settings, store: Store, clock: Clock) -> Inbox:
    return Inbox(store, settings.notifications, settings.console.public_url, partial(trusted, settings.cloud), clock)


def build_setup(settings: Settings, dev_data: Path | None, prod_data: Path | None, clock: Clock = utc_now) -> Setup:
    """Setup with the files of the data assets, which it needs only where an asset does not exist yet."""
    return _setup(settings, open_store(settings, clock), connect(settings, clock), dev_data, prod_data)


def _setup(
    settings: Settings, store: Store, gateways: Gateways, dev_data: Path | None, prod_data: Path | None
) -> Setup:
    sides = setup_sides(settings, gateways, dev_data, prod_data)
    return Setup(store, lambda: declared_resources(sides), monthly_cost(sides.project, sides.declared))


def setup_sides(
    settings: Settings, gateways: Gateways, dev_data: Path | None = None, prod_data: Path | None = None
) -> Sides:
    """What setup compares and makes, on both sides of one project."""
    project = gateways.project
    github = GitHubWriter(*_github(settings, project))
    return Sides(
        settings=settings,
        project=project,
        declared=read_declaration(project.declaration),
        dev=Place(gateways.dev, Foundation(gateways.dev), Assets(gateways.dev), project.dev_data, dev_data),
        prod=Place(gateways.prod, Foundation(gateways.prod), Assets(gateways.prod), project.prod_data, prod_data),
        github=GitHubSide(
            Repositories(github),
            Rulesets(github),
            Contents(github),
            ActionsPermissions(github),
            DeploymentEnvironments(github),
            StandIn(github),
            Webhooks(github),
        ),
    )


def connect(settings: Settings, clock: Clock = utc_now) -> Gateways:
    """The gateways of the default project, one connection a workspace."""
    apply_environment(settings)
    project = settings.project
    identity = ProgramIdentity(settings.identity, settings.cloud)
    prod = Workspace(settings, project, project.prod_workspace, identity)
    return Gateways(
        project=project,
        dev=Workspace(settings, project, project.dev_workspace, identity),
        prod=prod,
        github=GitHubReader(*_github(settings, project)),
        logs=Logs(settings, lambda: _log_workspace(prod), identity, clock),
        metrics=Metrics(settings, identity),
    )


def _log_workspace(prod: Workspace) -> str:
    """The customer id of the project's Log Analytics workspace: the setting, else asked of ARM."""
    if prod.project.log_workspace_id:
        return prod.project.log_workspace_id
    found = ArmResources(prod).get(prod.logs_id, LOGS_VERSION)
    if found is None:
        raise NotFound("There is no Log Analytics workspace for this project yet: run `mlops setup apply`.")
    return str(found["properties"]["customerId"])


def _github(settings: Settings, project: Project) -> tuple[str, str, Installation | SecretStr, str]:
    """GitHub as our programs reach it. Raises ConfigurationError for an app's key that is none."""
    credential = program_credential(settings.github)
    return settings.github.api_url, project.repository, credential, settings.cloud.ca_bundle


def as_app(settings: Settings, project: Project) -> GitHubWriter:
    """GitHub as our programs write to it: nothing is sent twice, as the reader's SDK would after a 502."""
    return GitHubWriter(*_github(settings, project))


def as_person(settings: Settings, project: Project, token: SecretStr) -> GitHubWriter:
    """GitHub as the holder of this token."""
    return GitHubWriter(settings.github.api_url, project.repository, token, settings.cloud.ca_bundle)


def github_oauth(settings: Settings, clock: Clock = utc_now) -> OAuth:
    """How people lend us their GitHub rights, and how what they lent is renewed."""
    return OAuth(settings.github, settings.cloud, f"{settings.console.public_url.rstrip('/')}{CALLBACK}", clock)


def open_store(settings: Settings, clock: Clock = utc_now) -> Store:
    """The database, brought up to date once in the life of this process."""
    store = Store(settings.database_url, clock, settings.token_key)
    with _migrating:
        if settings.database_url not in _migrated:
            store.migrate()
            _migrated.add(settings.database_url)
    return store
