"""The worker: it owns all progress. Consoles and commands record what is wanted; this makes it so."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from backend.bootstrap import Gateways, as_app, as_person, connect, github_oauth, open_store, setup_sides
from backend.bootstrap_drills import drilling
from backend.domain.clock import Clock, utc_now
from backend.domain.registry import ModelVersion
from backend.domain.signals import Signal
from backend.errors import BackendError, CorruptState
from backend.gateways.azureml.assets import Assets
from backend.gateways.azureml.collected import CollectedInputs
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.azureml.models import Models
from backend.gateways.github.actions import Actions
from backend.gateways.github.checks import Checks
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

HEARTBEAT_SECONDS = 2.0
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
class Duty:
    """Something done over and over: `work` answers whether there was anything to do; `pause` follows when not."""

    name: str
    work: Callable[[], bool]
    pause: float


class Worker:
    """Everything one worker process does. Any number of processes may run beside each other."""

    def __init__(self, settings: Settings, store: Store, gateways: Gateways, clock: Clock = utc_now) -> None:
        self._store = store
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._gateways = gateways
        project, poll = gateways.project, settings.worker.poll
        endpoints, self._models = Endpoints(gateways.prod), Models(gateways.prod)
        reach = Reach(
            workspace=gateways.prod,
            endpoints=endpoints,
            models=self._models,
            jobs=Jobs(gateways.prod),
            assets=Assets(gateways.prod),
            collected=CollectedInputs(gateways.prod),
            contents=Contents(gateways.github),
            logs=gateways.logs,
            metrics=gateways.metrics,
        )
        anchoring = Anchoring(store, Tags(gateways.github), reach.contents, project, clock)
        lease = settings.worker.lease
        engine = Engine(store, reach, project, clock, owner=self._owner, lease_seconds=lease)
        self._watch = RegistryWatch(store, project, clock)
        self._authorship = AuthorshipWatch(store, Commits(gateways.github), reach.jobs, project, clock)
        gates = GateWatch(store, reach.contents, project)
        environments = EnvironmentWatch(store, reach.assets, project)
        every = settings.worker.prove_every
        retention = Retention(store, reach.collected, project, clock)
        behaviour = BehaviourWatch(
            store,
            reach.collected,
            reach.jobs,
            self._models,
            Labels(store, project, clock),
            lambda name: gateways.logs.console_log(gateways.prod.endpoint_id(project.endpoint), name, CONSOLE_LINES),
            lambda start, end, named: gateways.logs.refused(
                gateways.prod.endpoint_id(project.endpoint), start, end, named=named
            ),
            project,
            clock,
        )
        alerting, told = Alerting(store), partial(ModelBehaviour(store, project, clock).signals, project.endpoint)
        proving = Proving(store, endpoints, self._models, project, clock, every=every)
        past, declared = (
            Past(gateways.github, project.required_check),
            declared_rulesets(project, read_declaration(project.declaration)),
        )
        repository = RepositoryWatch(store, past, Rulesets(gateways.github), project, declared)
        notifying = Notifying(
            store, settings.notifications, settings.console.public_url, trusted(settings.cloud), clock
        )
        rounds = Rounds(repository.look, store.webhooks.rung, every, RING_SECONDS, clock)
        writer, console = as_app(settings, project), settings.console.public_url
        self._announcement = Announcement(store, Deployments(writer), project)
        serving = partial(endpoints.get, project.endpoint)
        self._checks = PromotionChecks(store, Checks(writer), serving, project, console, clock)
        objectives = ObjectiveWatch(store, reach.contents, reach.logs, project, clock)
        sides = setup_sides(settings, gateways)
        setup = SetupWatch(store, lambda: declared_resources(sides), FIX_SECONDS)
        lent = LentTokens(store.tokens, github_oauth(settings, clock), clock)
        performing = Performing(
            store, lent, lambda token: as_person(settings, project, token), rules_of(project), lease, clock
        )
        self._duties = (
            *(Duty(f"promotions {n + 1}", engine.tick, poll) for n in range(PROMOTERS)),
            Duty("wishes", performing.perform_next, poll),
            Duty("registry", self._look_at_registry, settings.worker.registry_poll),
            Duty("authorship", self._look_at_authors, settings.worker.registry_poll),
            Duty("gate file", gates.look, GATES_SECONDS),
            Duty("environments", environments.look, GATES_SECONDS),
            Duty("proofs", lambda: _idle(proving.look), every),
            Duty("objectives", lambda: _idle(objectives.look), OBJECTIVES_SECONDS),
            Duty("repository", rounds.look, poll),
            Duty("setup", lambda: _idle(setup.look), settings.worker.compare_every),
            Duty("runs", _submitting(store, gateways, project).perform_next, poll),
            Duty("fixes", setup.fix_next, poll),
            Duty("drills", drilling(settings, store, gateways, reach, clock).perform_next, DRILL_SECONDS),
            Duty("keys", Rotating(store, endpoints).rotate_next, poll),
            Duty("notifications", notifying.hand_over, poll),
            Duty("sendings", notifying.send_next, poll),
            Duty(
                "retirements", lambda: _idle(lambda: _retire(store, project, endpoints)), settings.worker.registry_poll
            ),
            Duty("promotion checks", lambda: _idle(lambda: self._checks.look(self._versions)), CHECKS_SECONDS),
            Duty("collected inputs", lambda: retention.sweep() > 0, RETENTION_SECONDS),
            Duty("behaviour", lambda: _idle(partial(_watched, behaviour, alerting, told)), GATES_SECONDS),
            Duty("retrainings", RetrainingStarts(store, Actions(writer), project).start_next, RETRAINING_SECONDS),
            Duty("anchors", lambda: _idle(anchoring.anchor), settings.worker.registry_poll),
            Duty("announcements", lambda: _idle(self._announcement.announce), settings.worker.registry_poll),
        )
        self._versions: tuple[ModelVersion, ...] = ()
        self._corrupt: CorruptState | None = None

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; steps that are under way end first.

        Raises CorruptState, after everything has stopped, if the ledger or a record contradicts itself.
        """
        report = self._store.audit.verify()
        if not report.whole:
            raise CorruptState(f"the ledger is not whole: {report.problem}; nothing is done until a person has looked")
        self._store.heartbeats.beat(self._owner)
        self._warm()
        threads = [threading.Thread(target=self._repeat, args=(duty, stop), name=duty.name) for duty in self._duties]
        for thread in threads:
            thread.start()
        _log.info("worker %s began with %d ledger entries", self._owner, report.entries)
        self._repeat(
            Duty("heartbeat", lambda: _idle(lambda: self._store.heartbeats.beat(self._owner)), HEARTBEAT_SECONDS), stop
        )
        for thread in threads:
            thread.join()
        _log.info("worker %s ended", self._owner)
        if self._corrupt is not None:
            raise self._corrupt

    def _warm(self) -> None:
        """Import the SDKs on one thread; what is not there yet, each duty finds out and says by itself."""
        try:
            self._gateways.prod.warm()
        except BackendError as error:
            _log.warning("not connected yet: %s", error)

    def _repeat(self, duty: Duty, stop: threading.Event) -> None:
        """A duty that fails is tried again after a pause; only corrupt records end the worker."""
        trouble = ""
        while not stop.is_set():
            busy = False
            try:
                busy = duty.work()
                if trouble:
                    _log.info("%s: works again", duty.name)
                trouble = ""
            except CorruptState as error:
                _log.critical("%s: %s", duty.name, error)
                self._corrupt = error
                stop.set()
            except BackendError as error:
                if str(error) != trouble:
                    _log.warning("%s: %s", duty.name, error)
                trouble = str(error)
            except Exception:  # noqa: BLE001  # one defect must not end the other duties; it is logged every time
                _log.exception("%s broke; it is tried again", duty.name)
            if not busy:
                stop.wait(duty.pause)

    def _look_at_registry(self) -> bool:
        self._versions = self._models.versions(self._gateways.project.model)
        begun = self._watch.look(self._versions)
        if begun is not None:
            _log.info("testing v%s: %s", begun.target.version, begun.requested_reason)
        return False

    def _look_at_authors(self) -> bool:
        return self._authorship.look(self._versions)


def _retire(store: Store, project: Project, endpoints: Endpoints) -> None:
    schedule_ends(store, project)
    retire_due(store, endpoints, project.test_endpoint)


def _submitting(store: Store, gateways: Gateways, project: Project) -> SubmittingRuns:
    places = {
        workspace.name: Place(Jobs(workspace), Assets(workspace), data)
        for workspace, data in ((gateways.dev, project.dev_data), (gateways.prod, project.prod_data))
    }
    return SubmittingRuns(store, places, Contents(gateways.github), project)


def _watched(behaviour: BehaviourWatch, alerting: Alerting, told: Callable[[], Iterable[Signal]]) -> None:
    """A look, then its alerts; a look that fails is overdue some day, and that is an alert as well."""
    try:
        behaviour.look_if_due()
    finally:
        alerting.judge(told())


def _idle(work: Callable[[], object]) -> bool:
    """Work that is done once a pause, however much there was."""
    work()
    return False


def build_worker(settings: Settings, clock: Clock = utc_now) -> Worker:
    """The worker with everything its duties reach; nothing is connected before it runs."""
    return Worker(settings, open_store(settings, clock), connect(settings, clock), clock)
