"""The worker with its duties, each with everything it reaches. Nothing is connected before the worker runs."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from backend.bootstrap import Gateways, as_app, as_person, connect, github_oauth, open_store, setup_sides
from backend.bootstrap_drills import drilling
from backend.domain.clock import Clock, utc_now
from backend.domain.registry import ModelVersion
from backend.gateways.azureml.assets import Assets
from backend.gateways.azureml.collected import CollectedInputs
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.azureml.models import Models
from backend.gateways.github.actions import Actions
from backend.gateways.github.checks import Checks
from backend.gateways.github.client import GitHubWriter
from backend.gateways.github.commits import Commits
from backend.gateways.github.contents import Contents
from backend.gateways.github.deployments import Deployments
from backend.gateways.github.past import Past
from backend.gateways.github.rulesets import Rulesets
from backend.gateways.github.tags import Tags
from backend.gateways.targets import trusted
from backend.operations.alerting import Alerting
from backend.operations.anchoring import Anchoring
from backend.operations.behaviour import ModelBehaviour
from backend.operations.behaviour_watch import BehaviourWatch
from backend.operations.council import rules_of
from backend.operations.doorbell import Rounds
from backend.operations.labels import Labels
from backend.operations.lent_tokens import LentTokens
from backend.operations.notifying import Notifying
from backend.operations.objectives import ObjectiveWatch
from backend.operations.performing import Performing
from backend.operations.promotion_checks import PromotionChecks
from backend.operations.proving import Proving
from backend.operations.repository_watch import RepositoryWatch
from backend.operations.retention import Retention
from backend.operations.retraining_starts import RetrainingStarts
from backend.operations.rotating import Rotating
from backend.operations.setup_watch import SetupWatch
from backend.operations.submitting_runs import Place, SubmittingRuns
from backend.promotion.announcement import Announcement
from backend.promotion.authorship_watch import AuthorshipWatch
from backend.promotion.context import Reach
from backend.promotion.engine import Engine
from backend.promotion.environment_watch import EnvironmentWatch
from backend.promotion.gate_watch import GateWatch
from backend.promotion.leftovers import schedule_ends
from backend.promotion.registry_watch import RegistryWatch
from backend.promotion.retirement import retire_due
from backend.settings import Settings
from backend.settings_project import Project
from backend.setup.declaration import read_declaration
from backend.setup.github import declared_rulesets
from backend.setup.whole import declared_resources
from backend.store import Store
from backend.worker import Duty, Worker, once_a_pause

GATES_SECONDS = 30.0
"""A gate file that changes on main makes what was judged stale, within this time."""
CHECKS_SECONDS = 15.0
"""What stands in a version's way shows on its commit within this time; GitHub is asked only where it changes."""
RETENTION_SECONDS = 3600.0
"""Collected inputs lie in folders of an hour, so that an hour is as exact as their age can be kept."""
OBJECTIVES_SECONDS = 60.0
"""Logs arrive a minute at a time; a budget that burns is noticed within one of them."""
FIX_SECONDS = 120.0
"""A fix that a dead worker left behind is taken up again after this time."""
DRILL_SECONDS = 2.0
"""The pause between two looks whether somebody has asked for a drill."""
RING_SECONDS = 5.0
"""The repository is looked at as soon as GitHub rings, and not more often than this."""
RETRAINING_SECONDS = 5.0
"""The pause between two looks whether somebody has accepted a retraining."""
CONSOLE_LINES = 500
"""Of what a deployment wrote last, where the collector's complaints are looked for."""
PROMOTERS = 2
"""One for the production endpoint and one for the test endpoint, so that a slow test delays no rollback."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Ground:
    """What every duty stands on: `app` writes to GitHub as our app, `owner` tells our leases from another worker's."""

    settings: Settings
    store: Store
    gateways: Gateways
    reach: Reach
    app: GitHubWriter
    clock: Clock
    owner: str

    @property
    def project(self) -> Project:
        return self.gateways.project

    @property
    def poll(self) -> float:
        """Seconds between two looks whether somebody wants something."""
        return self.settings.worker.poll

    @property
    def slowly(self) -> float:
        """Seconds between two looks at what changes seldom."""
        return self.settings.worker.registry_poll


def build_worker(settings: Settings, clock: Clock = utc_now) -> Worker:
    """A worker of this process."""
    store, gateways = open_store(settings, clock), connect(settings, clock)
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    app = as_app(settings, gateways.project)
    ground = _Ground(settings, store, gateways, reach_of(gateways), app, clock, owner)
    groups = (_promoting, _registered, _declared, _wished, _watched, _told)
    return Worker(store, owner, [duty for group in groups for duty in group(ground)], gateways.prod.warm)


def reach_of(gateways: Gateways) -> Reach:
    """What an engine reaches: our side of production."""
    return Reach(
        workspace=gateways.prod,
        endpoints=Endpoints(gateways.prod),
        models=Models(gateways.prod),
        jobs=Jobs(gateways.prod),
        assets=Assets(gateways.prod),
        collected=CollectedInputs(gateways.prod),
        contents=Contents(gateways.github),
        logs=gateways.logs,
        metrics=gateways.metrics,
    )


def _promoting(ground: _Ground) -> Iterator[Duty]:
    """Promotions, and what proves and follows them."""
    store, reach, project, clock = ground.store, ground.reach, ground.project, ground.clock
    lease = ground.settings.worker.lease
    engine = Engine(store, reach, project, clock, owner=ground.owner, lease_seconds=lease)
    for number in range(PROMOTERS):
        yield Duty(f"promotions {number + 1}", engine.tick, ground.poll)
    every = ground.settings.worker.prove_every
    proving = Proving(store, reach.endpoints, reach.models, project, clock, every=every)
    yield once_a_pause("proofs", proving.look, every)

    def retire() -> None:
        schedule_ends(store, project)
        retire_due(store, reach.endpoints, project.test_endpoint)

    yield once_a_pause("retirements", retire, ground.slowly)


def _registered(ground: _Ground) -> Iterator[Duty]:
    """What goes by the registered versions: one duty reads them, the others go by its last reading."""
    store, reach, project, clock = ground.store, ground.reach, ground.project, ground.clock
    watch = RegistryWatch(store, project, clock)
    authorship = AuthorshipWatch(store, Commits(ground.gateways.github), reach.jobs, project, clock)
    checks = PromotionChecks(
        store,
        Checks(ground.app),
        partial(reach.endpoints.get, project.endpoint),
        project,
        ground.settings.console.public_url,
        clock,
    )
    known: tuple[ModelVersion, ...] = ()

    def look() -> None:
        nonlocal known
        known = reach.models.versions(project.model)
        begun = watch.look(known)
        if begun is not None:
            _log.info("testing v%s: %s", begun.target.version, begun.requested_reason)

    yield once_a_pause("registry", look, ground.slowly)
    yield Duty("authorship", lambda: authorship.look(known), ground.slowly)
    yield once_a_pause("promotion checks", lambda: checks.look(known), CHECKS_SECONDS)


def _declared(ground: _Ground) -> Iterator[Duty]:
    """What is declared in files, against what is."""
    store, reach, project, gateways = ground.store, ground.reach, ground.project, ground.gateways
    yield Duty("gate file", GateWatch(store, reach.contents, project).look, GATES_SECONDS)
    yield Duty("environments", EnvironmentWatch(store, reach.assets, project).look, GATES_SECONDS)
    sides = setup_sides(ground.settings, gateways)
    setup = SetupWatch(store, lambda: declared_resources(sides), FIX_SECONDS)
    yield once_a_pause("setup", setup.look, ground.settings.worker.compare_every)
    yield Duty("fixes", setup.fix_next, ground.poll)
    past = Past(gateways.github, project.required_check)
    rulesets = declared_rulesets(project, read_declaration(project.declaration))
    repository = RepositoryWatch(store, past, Rulesets(gateways.github), project, rulesets)
    every = ground.settings.worker.prove_every
    rounds = Rounds(repository.look, store.webhooks.rung, every, RING_SECONDS, ground.clock)
    yield Duty("repository", rounds.look, ground.poll)
    anchoring = Anchoring(store, Tags(gateways.github), reach.contents, project, ground.clock)
    yield once_a_pause("anchors", anchoring.anchor, ground.slowly)


def _wished(ground: _Ground) -> Iterator[Duty]:
    """What people ask for beside promotions."""
    settings, store, project, clock = ground.settings, ground.store, ground.project, ground.clock
    lent = LentTokens(store.tokens, github_oauth(settings, clock), clock)
    by_person = partial(as_person, settings, project)
    performing = Performing(store, lent, by_person, rules_of(project), settings.worker.lease, clock)
    yield Duty("wishes", performing.perform_next, ground.poll)
    yield Duty("runs", _submitting(ground).perform_next, ground.poll)
    drills = drilling(settings, store, ground.gateways, ground.reach, clock)
    yield Duty("drills", drills.perform_next, DRILL_SECONDS)
    yield Duty("keys", Rotating(store, ground.reach.endpoints).rotate_next, ground.poll)
    starts = RetrainingStarts(store, Actions(ground.app), project)
    yield Duty("retrainings", starts.start_next, RETRAINING_SECONDS)


def _submitting(ground: _Ground) -> SubmittingRuns:
    gateways, project = ground.gateways, ground.project
    places = {
        workspace.name: Place(Jobs(workspace), Assets(workspace), data)
        for workspace, data in ((gateways.dev, project.dev_data), (gateways.prod, project.prod_data))
    }
    return SubmittingRuns(ground.store, places, ground.reach.contents, project)


def _watched(ground: _Ground) -> Iterator[Duty]:
    """What the endpoint does: its objectives, its model's behaviour, and how long its inputs are kept."""
    store, reach, project, clock = ground.store, ground.reach, ground.project, ground.clock
    objectives = ObjectiveWatch(store, reach.contents, reach.logs, project, clock)
    yield once_a_pause("objectives", objectives.look, OBJECTIVES_SECONDS)
    endpoint = reach.workspace.endpoint_id(project.endpoint)
    watch = BehaviourWatch(
        store,
        reach.collected,
        reach.jobs,
        reach.models,
        Labels(store, project, clock),
        lambda name: reach.logs.console_log(endpoint, name, CONSOLE_LINES),
        lambda start, end, named: reach.logs.refused(endpoint, start, end, named=named),
        project,
        clock,
    )
    alerting, behaviour = Alerting(store), ModelBehaviour(store, project, clock)

    def look() -> None:
        """A look, then its alerts; a look that fails is overdue some day, and that is an alert as well."""
        try:
            watch.look_if_due()
        finally:
            alerting.judge(behaviour.signals(project.endpoint))

    yield once_a_pause("behaviour", look, GATES_SECONDS)
    retention = Retention(store, reach.collected, project, clock)
    yield Duty("collected inputs", lambda: retention.sweep() > 0, RETENTION_SECONDS)


def _told(ground: _Ground) -> Iterator[Duty]:
    """What others are told: people by notifications, GitHub by deployments."""
    settings, store, project = ground.settings, ground.store, ground.project
    trust = trusted(settings.cloud)
    notifying = Notifying(store, settings.notifications, settings.console.public_url, trust, ground.clock)
    yield Duty("notifications", notifying.hand_over, ground.poll)
    yield Duty("sendings", notifying.send_next, ground.poll)
    announcement = Announcement(store, Deployments(ground.app), project)
    yield once_a_pause("announcements", announcement.announce, ground.slowly)
