"""A hospital in the middle of its day, told in domain values and through the store's own doors.

v1 serves production, v2 has passed its test and waits for a decision, five pull requests are open.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from hospital_models import (
    CARD,
    GATES,
    LOAD,
    NOW,
    ROLLOUT,
    comparison,
    contract_evidence,
    holdout_figures,
    production_flips,
    robustness,
    supply_chain,
    target,
    version,
)
from hospital_pulls import PULLS, detail, pull
from hospital_readings import capacity, endpoint, run_detail, runs, setup_plan, telemetry

from backend.bootstrap import build, open_store
from backend.domain.evidence import SmokeResult
from backend.domain.people import Actor, Role
from backend.domain.promotions import Kind, Outcome, Promotion, Skipped, StepKind, Succeeded
from backend.domain.registry import ModelVersion
from backend.domain.telemetry import LogLine
from backend.gateways.azureml.run_index import shared
from backend.promotion import plan, transitions, wording
from backend.settings import GitHub, Identity, Settings, SignIn
from backend.settings_project import Project
from backend.store.audit import Note
from console import topics, wiring
from console.seal import Seal
from console.snapshots import Snapshots
from console.wakes import Wakes
from console.wiring import Wiring
from tests.databases import FILES, temporary_folder

COOKIE_SECRET = "a cookie secret for one throw-away world"
WEBHOOK_SECRET = "what GitHub signs with"


LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))


def settings(home: Path, label: str = "Local, simulated patients") -> Settings:
    """A console whose services do not exist: everything a page shows comes from the cache and the database."""
    nowhere = "https://localhost:9"
    project = Project(
        repository="hospital/diabetes",
        subscription_id="3c9f2d71-8a45-4e6b-b1d0-7f2e9c5a6b38",
        resource_group="diabetes",
        region="westeurope",
        dev_workspace="diabetes-dev",
        prod_workspace="diabetes-prod",
        dev_data="diabetes-dev:1",
        prod_data="diabetes-prod:1",
        model="diabetes-classifier",
        environment="diabetes-env:1",
        endpoint="diabetes-endpoint",
        test_endpoint="diabetes-test",
    )
    return Settings(
        home=home,
        environment_label=label,
        token_key="kG9bX1Yy0l5T8r2dQvJw3ZcN6mPfAeHsUoIiKuLxRtE=",
        identity=Identity(tenant_id="6f1d3c9a-2b4e-4c58-9d7a-0e5b8a4f1c20", authority=nowhere),
        signin=SignIn(
            metadata_url=f"{nowhere}/.well-known/openid-configuration", client_id="console", cookie_secret=COOKIE_SECRET
        ),
        github=GitHub(
            client_id="Iv23test", client_secret="a secret of a throw-away world", webhook_secret=WEBHOOK_SECRET
        ),
        projects={"diabetes": project},
    )


@dataclass
class World:
    """One wired console with its store; `walk` plays the worker."""

    wired: Wiring

    def __post_init__(self) -> None:
        self.store = open_store(self.wired.settings)
        self.project = self.wired.settings.project

    def begin(
        self, kind: Kind, of: ModelVersion, *, stable: str = "", reason: str = "Agreed in the review."
    ) -> Promotion:
        endpoint = self.project.test_endpoint if kind is Kind.STAGE else self.project.endpoint
        steps = plan.stage_plan() if kind is Kind.STAGE else plan.promote_plan(ROLLOUT, has_stable=bool(stable))
        by = "worker" if kind is Kind.STAGE else "lead"
        wanted = transitions.begin(
            f"{kind.value.replace(' ', '-')}-{of.version}-{len(self.store.promotions.recent(99))}",
            kind,
            target(of, endpoint),
            steps,
            by=by,
            reason=reason,
            now=datetime.now(UTC),
            expected_stable=stable,
        )
        note = Note(
            actor=by,
            channel="console",
            action=f"promotion.{kind.value}_requested",
            subject=f"promotion/{wanted.id}",
            reason=reason,
            after=wanted.phase.value,
            detail=wording.detail(wanted),
        )
        return self.store.promotions.submit(wanted, note)

    def walk(self, promotion: Promotion, *outcomes: Outcome) -> Promotion:
        """Let the worker report these outcomes, one step after the other."""
        for outcome in outcomes:
            promotion = self.store.promotions.change(
                promotion.id, lambda now, o=outcome: transitions.advance(now, o, datetime.now(UTC)), worker_note
            )
        return promotion

    def finish(self, promotion: Promotion) -> Promotion:
        while not promotion.phase.final:
            promotion = self.walk(promotion, outcome_of(promotion))
        return promotion


def worker_note(before: Promotion, after: Promotion) -> Note | None:
    action = wording.action(before, after)
    if not action:
        return None
    return Note(
        actor="worker",
        channel="worker",
        action=action,
        subject=f"promotion/{after.id}",
        reason=after.reason,
        before=before.phase.value,
        after=after.phase.value,
        detail=wording.detail(after, wording.settled_step(before, after)),
    )


def outcome_of(promotion: Promotion) -> Outcome:
    """What a step that goes well answers."""
    record = promotion.current
    assert record is not None
    if record.step.kind is StepKind.SNAPSHOT:
        stable = promotion.expected_stable
        return Succeeded(output={"traffic": json.dumps({stable: 100} if stable else {}), "stable": stable})
    if record.step.kind is StepKind.SMOKE_TEST:
        return Succeeded(reason="smoke 40 of 40", output={"requests": 40, "passed": 40})
    if record.step.kind is StepKind.OBSERVE:
        return Succeeded(
            reason="214 calls, no error", output={"calls": 214, "seconds": 12.0, "errors": 0, "p95_ms": 79.0}
        )
    if record.step.kind is StepKind.COLLECT_EVIDENCE and promotion.target.version == "1":
        return Skipped(reason="No champion yet: the first version has nothing to be compared with.")
    return Succeeded()


def wire(home: Path, label: str = "Local, simulated patients", model: str | None = None) -> World:
    """An empty world, in which signed-in people see every empty state; with a `model`, one of its history."""
    FILES.fresh(home, model)
    chosen = settings(home, label)
    backend, snapshots = build(chosen), Snapshots(lambda: build(chosen), home / "cache")
    wired = Wiring(
        settings=chosen,
        backend=backend,
        snapshots=snapshots,
        seal=Seal(COOKIE_SECRET),
        wakes=Wakes(backend.doorbell.rung, lambda: snapshots.refresh_below(*topics.RUNG)),
    )
    wiring.install(wired)
    return World(wired)


def populated(home: Path) -> World:
    """v1 serves, v2 waits, pull requests are open, runs and telemetry are known."""
    world = wire(home, model=_history())
    world.store.heartbeats.beat("worker-1")
    fill_snapshots(world, {target(version(1), "").deployment: 100})
    return world


@cache
def _history() -> str:
    """The model of a database in which v1 serves and v2 has been tested; written once a process."""
    world = wire(temporary_folder())
    store, one, two = world.store, version(1), version(2)
    for staged in (one, two):
        on_test = target(staged, world.project.test_endpoint)
        store.evidence.keep_rollout(on_test, ROLLOUT)
        world.finish(world.begin(Kind.STAGE, staged, reason="Registered by the workflow."))
        smoke = SmokeResult(
            requests=40, passed=40, failures=(), model_version=staged.version, digest=staged.digest, p95_ms=41.0
        )
        found = {
            "smoke": smoke,
            "gates": GATES,
            "holdout": holdout_figures(staged),
            "robustness": robustness(staged),
            "load": LOAD,
            "card": CARD,
            "supply_chain": supply_chain(staged),
            "contract": contract_evidence(staged),
        }
        for kind, body in found.items():
            store.evidence.freeze(f"{kind}-{staged.version}", body, on_test, "test endpoint")
    world.finish(world.begin(Kind.PROMOTE, one))
    store.evidence.freeze("compare-2", comparison(), target(two, world.project.test_endpoint), "run compare-2")
    store.evidence.freeze("asked-2", production_flips(), target(two, world.project.test_endpoint), "sha256:asked")
    return FILES.keep(store)


def fill_snapshots(world: World, traffic: dict[str, int]) -> None:
    snapshots, project = world.wired.snapshots, world.project
    snapshots.put(topics.pulls(), tuple(pull(n) for n in PULLS))
    for number in PULLS:
        snapshots.put(topics.pull(number), detail(number))
    snapshots.put(topics.versions(), (version(2), version(1)))
    snapshots.put(topics.endpoint(project.endpoint), endpoint(project.endpoint, traffic))
    snapshots.put(
        topics.endpoint(project.test_endpoint),
        endpoint(project.test_endpoint, {target(version(2), "").deployment: 100}),
    )
    snapshots.put(topics.plan(), setup_plan())
    index = shared(world.wired.settings.home / "cache")
    index.take_in(runs())
    for workspace in (project.dev_workspace, project.prod_workspace):
        index.asked(workspace, NOW, complete=True)
    snapshots.put(topics.runs(), world.wired.backend.runs.state().model_copy(update={"at": None}))
    for found in runs()[:6]:
        snapshots.put(topics.run(found.workspace, found.id), run_detail(found))
    names = list(traffic)
    for seconds in topics.WINDOWS.values():
        snapshots.put(topics.traffic(project.endpoint, seconds), telemetry(project.endpoint, names, seconds))
        snapshots.put(topics.capacity(project.endpoint, seconds), capacity(names, seconds))
    lines = tuple(
        LogLine(
            at=NOW - timedelta(seconds=9 * i),
            deployment=names[0],
            name="stdout",
            message=f"scored request {i} <b>x</b>",
        )
        for i in range(20)
    )
    snapshots.put(topics.events(project.endpoint), lines)
    for name in names:
        snapshots.put(topics.console_log(project.endpoint, name), lines)
