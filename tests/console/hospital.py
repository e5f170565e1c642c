"""A hospital in the middle of its day, told in domain values and through the store's own doors.

v1 serves production, v2 has passed its test and waits for a decision, five pull requests are open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backend.bootstrap import build, open_store
from backend.domain.decisions import Rollout, RolloutStep
from backend.domain.endpoints import Deployment, Endpoint, ProvisioningState, deployment_name
from backend.domain.evidence import Comparison, Difference, Side, SmokeResult, Verdict
from backend.domain.people import Actor, Role
from backend.domain.promotions import Kind, Outcome, Promotion, StepKind, Succeeded, Target
from backend.domain.registry import Lineage, ModelVersion
from backend.domain.reviews import (
    ChangedFile,
    CheckRun,
    CheckState,
    Mergeability,
    PullRequest,
    PullRequestDetail,
    Review,
)
from backend.domain.runs import Curve, Run, RunDetail, RunState
from backend.domain.setup import Change, PlannedResource, SetupPlan
from backend.domain.telemetry import (
    CallerCount,
    CapacityPoint,
    LogLine,
    StatusCount,
    Traffic,
    TrafficPoint,
    TrafficSummary,
)
from backend.promotion import plan, transitions, wording
from backend.settings import GitHub, Identity, Project, Settings, SignIn
from backend.store.audit import Note
from console import topics, wiring
from console.seal import Seal
from console.snapshots import Snapshots
from console.wiring import Wiring

COOKIE_SECRET = "a cookie secret for one throw-away world"
ENVIRONMENT = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/diabetes-prod"
    "/environments/diabetes-env/versions/1"
)
LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))
NOW = datetime.now(UTC).replace(microsecond=0)
SHA = "9c1e4d2a7b30c5d6e8f901234567890abcdef123"
BASE = "a41f0c8be30c5d6e8f901234567890abcdef4567"


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
        github=GitHub(client_id="Iv23test", client_secret="a secret of a throw-away world"),
        projects={"diabetes": project},
    )


def version(number: int, **changes: object) -> ModelVersion:
    fields: dict[str, object] = {
        "name": "diabetes-classifier",
        "version": str(number),
        "digest": f"sha256:{number:x}" + "8b1f5d0c" * 7 + "0abcde" + "f",
        "created_at": NOW - timedelta(days=31 - 30 * (number - 1)),
        "threshold": 0.5 if number == 1 else 0.29,
        "lineage": Lineage(
            commit=(BASE if number == 1 else SHA),
            pull_request="9" if number == 1 else "14",
            run=f"train-{number}-3f2a",
            data_asset=f"azureml:diabetes-prod:{number}",
            data_digest="sha256:" + "51d0a7c4" * 8,
            environment=ENVIRONMENT,
            author="scientist",
        ),
        "metrics": {"auc": 0.848 if number == 1 else 0.988, "sensitivity": 0.577, "specificity": 0.87, "brier": 0.15},
        "description": "Gradient boosting over the same eight columns.",
    }
    return ModelVersion.model_validate(fields | changes)


def target(of: ModelVersion, endpoint: str) -> Target:
    environment = of.lineage.environment
    return Target(
        endpoint=endpoint,
        model=of.name,
        version=of.version,
        digest=of.digest,
        threshold=of.threshold,
        environment=environment,
        deployment=deployment_name(of.version, of.digest, of.threshold, environment),
        commit=of.lineage.commit,
        run=of.lineage.run,
    )


ROLLOUT = Rollout(
    steps=tuple(RolloutStep(weight=w, min_calls=30, min_seconds=10) for w in (10, 50, 100)),
    max_error_rate=0.01,
    max_p95_ms=250,
    keep_warm_seconds=86_400,
    observe_deadline_seconds=1800,
    commit=SHA,
    digest="sha256:" + "ab" * 32,
)


def difference(metric: str, champion: float, challenger: float, width: float, verdict: Verdict) -> Difference:
    delta = challenger - champion
    return Difference(
        metric=metric,
        champion=champion,
        challenger=challenger,
        difference=delta,
        low=delta - width,
        high=delta + width,
        verdict=verdict,
    )


def comparison(verdict: Verdict = Verdict.BETTER, challenger: float = 0.988) -> Comparison:
    """Of v1, the champion, with v2."""
    one, two = version(1), version(2)
    return Comparison(
        champion=Side(commit=BASE, run="train-1-3f2a", version="1", digest=one.digest),
        challenger=Side(commit=SHA, run="train-2-3f2a", version="2", digest=two.digest),
        data_asset="diabetes-prod:2",
        data_digest="sha256:" + "51d0a7c4" * 8,
        rows=3000,
        positives=1002,
        shared_groups=0,
        differences=(difference("auc", 0.848, challenger, 0.009, verdict),),
        figures={
            "champion": {"auc": 0.848, "sensitivity": 0.577, "specificity": 0.874, "brier": 0.15},
            "challenger": {"auc": challenger, "sensitivity": 0.920, "specificity": 0.951, "brier": 0.039},
        },
        made_at=NOW - timedelta(minutes=6),
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
        return Succeeded(output={"traffic": "{}", "stable": promotion.expected_stable})
    if record.step.kind is StepKind.SMOKE_TEST:
        return Succeeded(reason="smoke 40 of 40", output={"requests": 40, "passed": 40})
    if record.step.kind is StepKind.OBSERVE:
        return Succeeded(
            reason="214 calls, no error", output={"calls": 214, "seconds": 12.0, "errors": 0, "p95_ms": 79.0}
        )
    return Succeeded()


def wire(home: Path, label: str = "Local, simulated patients") -> World:
    """An empty world: signed-in people see every empty state."""
    chosen = settings(home, label)
    wired = Wiring(
        settings=chosen,
        backend=build(chosen),
        snapshots=Snapshots(lambda: build(chosen), home / "cache"),
        seal=Seal(COOKIE_SECRET),
    )
    wiring.install(wired)
    return World(wired)


def populate(world: World) -> World:
    """v1 serves, v2 waits, pull requests are open, runs and telemetry are known."""
    store, one, two = world.store, version(1), version(2)
    for staged in (one, two):
        on_test = target(staged, world.project.test_endpoint)
        store.evidence.keep_rollout(on_test, ROLLOUT)
        world.finish(world.begin(Kind.STAGE, staged, reason="Registered by the workflow."))
        smoke = SmokeResult(
            requests=40, passed=40, failures=(), model_version=staged.version, digest=staged.digest, p95_ms=41.0
        )
        store.evidence.freeze(f"smoke-{staged.version}", smoke, on_test, "test endpoint")
    world.finish(world.begin(Kind.PROMOTE, one))
    store.evidence.freeze("compare-2", comparison(), target(two, world.project.test_endpoint), "run compare-2")
    store.heartbeats.beat("worker-1")
    fill_snapshots(world, {target(one, "").deployment: 100})
    return world


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
    snapshots.put(topics.runs(), runs())
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


def endpoint(name: str, traffic: dict[str, int]) -> Endpoint:
    deployed = tuple(
        Deployment(
            name=deployment,
            endpoint=name,
            model="diabetes-classifier",
            version=deployment.partition("-")[0].removeprefix("v"),
            environment=ENVIRONMENT,
            state=ProvisioningState.SUCCEEDED,
            instance_type="Standard_DS2_v2",
            instance_count=1,
            variables={"MLOPS_THRESHOLD": "0.5"},
            tags={},
            created_at=NOW - timedelta(days=3),
        )
        for deployment in traffic
    )
    return Endpoint(
        name=name,
        state=ProvisioningState.SUCCEEDED,
        scoring_uri="https://localhost:9/score",
        traffic=traffic,
        mirror_traffic={},
        deployments=deployed,
    )


def telemetry(name: str, deployments: list[str], seconds: int) -> Traffic:
    """A gentle wave with a hole of ten minutes in it, and one error."""
    width = max(10, round(seconds / 90 / 10) * 10)
    end = NOW
    start = end - timedelta(seconds=seconds)
    points = []
    for index in range(seconds // width):
        if seconds >= 3600 and 20 <= index < 25:
            continue
        for order, deployment in enumerate(deployments):
            if order and index < (seconds // width) * 0.7:
                continue
            level = 84 - 6 * order + 3 * math.sin(index / 5 + order)
            points.append(
                TrafficPoint(
                    at=start + timedelta(seconds=index * width),
                    deployment=deployment,
                    requests=20 if order == 0 else 3,
                    errors=1 if index == 40 and not order else 0,
                    p50_ms=level / 2,
                    p95_ms=level,
                    p99_ms=level * 1.3,
                )
            )
    total = {d: sum(p.requests for p in points if p.deployment == d) for d in deployments}
    errors = {d: sum(p.errors for p in points if p.deployment == d) for d in deployments}
    return Traffic(
        endpoint=name,
        start=start,
        end=end,
        bin_seconds=width,
        points=tuple(points),
        summaries=tuple(
            TrafficSummary(deployment=d, requests=total[d], errors=errors[d], p50_ms=42, p95_ms=84 - 5 * i, p99_ms=110)
            for i, d in enumerate(deployments)
        ),
        statuses=(
            *(StatusCount(deployment=d, code=200, reason="", requests=total[d] - errors[d]) for d in deployments),
            StatusCount(deployment=deployments[0], code=424, reason="BMI: not a number", requests=1),
        ),
        callers=(
            CallerCount(user_agent="practitioners/1.0 (ward app)", requests=1800),
            CallerCount(user_agent="<script>alert(1)</script>", requests=2),
        ),
        data_until=NOW - timedelta(seconds=4),
    )


def capacity(deployments: list[str], seconds: int) -> tuple[CapacityPoint, ...]:
    return tuple(
        CapacityPoint(
            at=NOW - timedelta(seconds=seconds - 60 * i),
            deployment=d,
            cpu_percent=40 + 6 * math.sin(i / 3),
            memory_percent=52,
            capacity=1,
        )
        for d in deployments
        for i in range(0, seconds // 60, max(1, seconds // 60 // 60))
    )


def check(name: str, state: CheckState, title: str = "", summary: str = "") -> CheckRun:
    done = state in {CheckState.PASSED, CheckState.FAILED}
    return CheckRun(
        id=hash(name) % 10_000,
        name=name,
        state=state,
        title=title,
        summary=summary,
        started_at=NOW - timedelta(minutes=9),
        completed_at=NOW - timedelta(minutes=7) if done else None,
    )


OK, BAD = CheckState.PASSED, CheckState.FAILED
PULLS: dict[int, tuple[str, str, tuple[CheckRun, ...]]] = {
    14: (
        "Train a gradient-boosting challenger",
        "feature/boosting",
        (
            check("lint", OK),
            check("unit", OK, "41 tests passed"),
            check("data", OK, "10,000 rows as declared"),
            check("train", OK),
            check("model comparison", OK, "better: AUC +0.140 (95 % +0.131 to +0.149, n 3,000)"),
            check("quality-gate", OK),
        ),
    ),
    15: (
        "Raise reg_rate from 0.01 to 0.1",
        "feature/reg-rate",
        (
            check("lint", OK),
            check("unit", OK),
            check("model comparison", OK, "no detectable difference"),
            check("quality-gate", OK),
        ),
    ),
    16: (
        "Set reg_rate to 1000",
        "feature/strong-regularisation",
        (
            check("lint", OK),
            check("model comparison", BAD, "worse: AUC −0.103 (95 % −0.112 to −0.094, n 3,000)"),
            check("quality-gate", BAD),
        ),
    ),
    17: (
        "Log the **calibration** slope <img src=x onerror=alert(1)> [x](javascript:alert(1)) :green-badge[ok]",
        "feature/calibration",
        (check("lint", BAD, "training/evaluate.py:12: F401 unused import"), check("quality-gate", BAD)),
    ),
    18: (
        "Split rows at random",
        "feature/split",
        (check("lint", OK), check("unit", CheckState.RUNNING), check("quality-gate", CheckState.QUEUED)),
    ),
}


def pull(number: int) -> PullRequest:
    title, branch, checks = PULLS[number]
    return PullRequest(
        number=number,
        title=title,
        author="scientist",
        head_ref=branch,
        head_sha=SHA,
        base_ref="main",
        base_sha=BASE,
        draft=False,
        created_at=NOW - timedelta(hours=3 + number % 5),
        updated_at=NOW - timedelta(minutes=20 + number % 7),
        additions=42,
        deletions=11,
        changed_files=2,
        mergeability=Mergeability.MERGEABLE,
        merge_state="blocked",
        checks=checks,
        required_checks=("quality-gate",),
        reviews=(
            Review(author="deputy", state="COMMENTED", commit=BASE, submitted_at=NOW - timedelta(hours=1), body="Nice"),
        ),
        url=f"https://github.example/hospital/diabetes/pull/{number}",
    )


PATCH = """@@ -1,5 +1,6 @@
 [model]
-kind = "logistic"
-reg_rate = 0.01
+kind = "boosting"
+learning_rate = 0.1
+max_iter = 200  # <script>alert(1)</script>
 seed = 0"""


def detail(number: int) -> PullRequestDetail:
    from backend.domain.reviews import MergeBlocker

    verdicts = {14: (Verdict.BETTER, 0.988), 15: (Verdict.NO_DIFFERENCE, 0.848), 16: (Verdict.WORSE, 0.745)}
    compared = comparison(*verdicts[number]) if number in verdicts else None
    return PullRequestDetail(
        summary=pull(number),
        body="Boosting finds the non-linear part.\n\n# Not a heading\n* AUC 0.848 to 0.988 on dev data",
        files=(
            ChangedFile(path="training/params.toml", status="modified", additions=3, deletions=2, patch=PATCH),
            ChangedFile(path="docs/figure.png", status="added", additions=0, deletions=0, patch=""),
        ),
        comparison=compared,
        blockers=(MergeBlocker(what="A review is missing", why="main asks for one approval", who="lead or deputy"),),
        state="open",
    )


def setup_plan() -> SetupPlan:
    made = [
        ("workspace", "diabetes-dev"),
        ("workspace", "diabetes-prod"),
        ("endpoint", "diabetes-endpoint"),
        ("ruleset", "main"),
    ]
    return SetupPlan(
        resources=tuple(PlannedResource(kind=k, name=n, where="westeurope", change=Change.NONE) for k, n in made)
    )


def runs() -> tuple[Run, ...]:
    made = []
    for i in range(24):
        boosting = i % 3 == 0
        made.append(
            Run(
                id=f"run-{i:03d}",
                name=f"train {i:03d} {'boosting' if boosting else 'logistic'}",
                experiment="diabetes",
                workspace="diabetes-dev" if i % 4 else "diabetes-prod",
                state=RunState.FAILED if i == 5 else RunState.COMPLETED,
                started_at=NOW - timedelta(hours=i),
                ended_at=NOW - timedelta(hours=i) + timedelta(seconds=40),
                author="scientist",
                metrics={} if i == 5 else {"auc": 0.988 if boosting else 0.848, "sensitivity": 0.6, "brier": 0.12},
                params={"model": "boosting" if boosting else "logistic", "seed": "0", "reg_rate": str(0.01 * (i + 1))},
                tags={
                    "commit": SHA,
                    "pull_request": "14" if boosting else "",
                    "purpose": "pull request",
                    "data_asset": "d:1",
                },
            )
        )
    return tuple(made)


def run_detail(found: Run) -> RunDetail:
    steps = tuple(i / 20 for i in range(21))
    power = 0.2 if found.params["model"] == "boosting" else 0.45
    return RunDetail(
        run=found,
        curves=(
            Curve(kind="roc", x=steps, y=tuple(s**power for s in steps)),
            Curve(kind="precision_recall", x=steps, y=tuple(1 - 0.4 * s**3 for s in steps)),
            Curve(kind="calibration", x=steps, y=tuple(s**1.1 for s in steps)),
        ),
        bands=({"band": "under 30", "n": 2020, "positives": 300, "sensitivity": 0.316, "specificity": 0.924},),
        log_tail="epoch 1 <b>ok</b>\nwritten",
    )
