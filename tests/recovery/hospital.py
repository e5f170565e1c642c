"""A cloud in memory with our real database, engine, watch and operations over it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cryptography.fernet import Fernet
from pydantic import SecretStr

from backend.domain.decisions import Blocker, Decision
from backend.domain.people import Actor, Role
from backend.domain.promotions import Kind, Phase, Promotion
from backend.domain.registry import ModelVersion
from backend.operations.approvers import Approvers
from backend.operations.models import Models
from backend.operations.overrides import Overrides
from backend.operations.promotions import Promotions
from backend.operations.quarantines import Quarantines
from backend.operations.steering import Steering
from backend.policy.blockers import to_acknowledge
from backend.promotion.engine import Engine
from backend.promotion.registry_watch import RegistryWatch
from backend.promotion.retirement import retire_due
from backend.settings_project import ApprovalPolicy, Project
from backend.store import Store
from tests.databases import FILES, Databases, temporary_folder
from tests.recovery.cloud import ENVIRONMENT, MODEL, PRODUCTION, TEST, Clock, Cloud

LEASE = 30.0
PROJECT = Project(
    repository="hospital/diabetes",
    subscription_id="s",
    resource_group="g",
    region="r",
    dev_workspace="diabetes-dev",
    prod_workspace="diabetes-prod",
    dev_data="diabetes-dev",
    prod_data="diabetes-prod",
    model=MODEL,
    environment=ENVIRONMENT,
    endpoint=PRODUCTION,
    test_endpoint=TEST,
)

LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))
DEPUTY = Actor(name="deputy", roles=frozenset({Role.LEAD}))
OPERATOR = Actor(name="operator", roles=frozenset({Role.OPERATOR}))
VIEWER = Actor(name="viewer", roles=frozenset({Role.VIEWER}))
CAROL = Actor(name="carol", roles=frozenset({Role.LEAD}))
AUTHOR = Actor(name="scientist", roles=frozenset({Role.LEAD}))
"""Who wrote every version, and may otherwise decide."""
WHY = "agreed in the review of the change"


def fresh_store(folder: Path, clock: Clock, databases: Databases = FILES, token_key: str = "") -> Store:
    return Store(databases.fresh(folder), clock, SecretStr(token_key))


@cache
def _played(databases: Databases, served: tuple[str, ...], staged: str) -> tuple[str, Cloud]:
    """A world in which these versions have been promoted and one more has been tested; played once a process."""
    hospital = Hospital(temporary_folder(), databases=databases)
    hospital.serving(*served)
    if staged:
        hospital.staged(staged)
    return databases.keep(hospital.store), hospital.cloud


def hard(found: Decision) -> dict[str, Blocker]:
    """The blockers that stop it, by what they are."""
    return {blocker.what: blocker for blocker in found.blockers if blocker.hard}


class Hospital:
    """Time passes only when nothing is due."""

    def __init__(
        self, folder: Path, cloud: Cloud | None = None, model: str | None = None, databases: Databases = FILES
    ) -> None:
        self.cloud = cloud.copied() if cloud else Cloud(Clock())
        self.clock = self.cloud.clock
        self.databases, self.url = databases, databases.fresh(folder, model)
        self.store = Store(self.url, self.clock, SecretStr(Fernet.generate_key().decode()))
        self.under()
        self.watch = RegistryWatch(self.store, PROJECT, self.clock)
        self.workers = 0
        self.engine = self.new_worker()

    @classmethod
    def after(cls, folder: Path, *served: str, staged: str = "", databases: Databases = FILES) -> Hospital:
        """A copy of the world in which these versions were promoted and `staged` is ready."""
        model, cloud = _played(databases, served, staged)
        return cls(folder, cloud, model, databases)

    def copied(self, folder: Path) -> Hospital:
        """A world that is as this one is now; nobody works in either meanwhile."""
        return Hospital(folder, self.cloud, self.databases.model_of(self.store), self.databases)

    def under(self, **approval: object) -> Project:
        """Let people act under another approval policy from now on: `hospital.under(quorum=2)`."""
        project = PROJECT.model_copy(update={"approval": ApprovalPolicy.model_validate(approval)})
        self.promotions = Promotions(self.store, project, self.clock)
        self.steering = Steering(self.store, project, self.clock)
        self.models = Models(self.store, project, None, self.promotions, self.steering, self.clock)  # type: ignore[arg-type]
        self.overrides = Overrides(self.store, project, self.clock)
        self.quarantines = Quarantines(self.store, project, self.steering, self.clock)
        self.approvers = Approvers(self.store, project, self.clock)
        return project

    def version(self, number: str) -> ModelVersion:
        return self.cloud.registered[number]

    def decision(self, actor: Actor = LEAD, version: str = "2") -> Decision:
        """The decision page of this person, over production as it is."""
        endpoint = self.cloud.reach().endpoints.get(PRODUCTION)
        return self.promotions.decision(actor, self.version(version), endpoint)

    def click(self, version: str, key: str = "") -> Promotion:
        """The lead's click, without waiting for what follows."""
        return self._approve_and_promote(LEAD, self.version(version), key or f"click-{version}")

    def advisory(self, version: ModelVersion, by: Actor = LEAD) -> tuple[str, ...]:
        """What has to be acknowledged before this version may go on."""
        return to_acknowledge(self.promotions.decision(by, version, None).blockers)

    def _approve_and_promote(self, by: Actor, version: ModelVersion, key: str) -> Promotion:
        stable, told = self.promotions.stable(), self.advisory(version, by)
        return self.promotions.approve_and_promote(by, version, stable, WHY, key, told)

    def new_worker(self) -> Engine:
        self.workers += 1
        owner = f"worker-{self.workers}"
        return Engine(self.store, self.cloud.reach(), PROJECT, self.clock, owner=owner, lease_seconds=LEASE)

    def tick(self) -> bool:
        """One thing done, or a second passed."""
        busy = self.engine.tick()
        self.cloud.check()
        if not busy:
            self.watch.look(tuple(self.cloud.registered.values()))
            retire_due(self.store, self.cloud.reach().endpoints)
            self.clock.pass_(1.0)
        return busy

    def run(self, until: str | None = None, ticks: int = 2000) -> None:
        """Until the named promotion is final, needs a person, or is paused; without one, until nothing is active."""
        for _ in range(ticks):
            if until is not None:
                found = self.store.promotions.get(until)
                if found.phase.final or found.phase in {Phase.NEEDS_ATTENTION, Phase.PAUSED}:
                    return
            elif self._quiet():
                return
            self.tick()
        raise AssertionError(f"did not end: {[p.reason for p in self.store.promotions.recent()]}")

    def _quiet(self) -> bool:
        if any(self.store.promotions.active(name) for name in (PRODUCTION, TEST)):
            return False
        return self.watch.look(tuple(self.cloud.registered.values())) is None

    def settle(self, seconds: float) -> None:
        """Let time pass with the worker at its duties."""
        end = self.clock().timestamp() + seconds
        while self.clock().timestamp() < end:
            self.tick()

    def staged(self, version: str, author: str = "scientist") -> ModelVersion:
        known = self.cloud.register(version, author)
        self.run()
        return known

    def promote(self, version: ModelVersion, key: str = "", by: Actor = LEAD) -> Promotion:
        key = key or f"click-{version.version}"
        self._approve_and_promote(by, version, key)
        self.run(key)
        return self.store.promotions.get(key)

    def serving(self, *versions: str) -> list[ModelVersion]:
        """Register, test and promote these versions, one after the other."""
        known = []
        for version in versions:
            known.append(self.staged(version))
            promotion = self.promote(known[-1])
            assert promotion.phase is Phase.SUCCEEDED, promotion.reason
        return known

    @property
    def traffic(self) -> dict[str, int]:
        self.cloud.look()
        return {name: weight for name, weight in self.cloud.places[PRODUCTION].traffic.items() if weight}

    def kinds(self) -> list[tuple[Kind, Phase]]:
        return [(p.kind, p.phase) for p in reversed(self.store.promotions.recent())]

    def close(self) -> None:
        self.store.close()
        self.databases.drop(self.url)
