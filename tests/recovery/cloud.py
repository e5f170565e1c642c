"""A small Azure in memory: endpoints, deployments, traffic, jobs, a registry and logs, under a clock of the test's own.

It holds the state of a cloud and refuses what Azure refuses. Long operations take seconds of its clock. `crossings`
sees every effect before and after it happens, so that a test can end the process there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from backend.domain.endpoints import Deployment, Endpoint, ProvisioningState, Served
from backend.domain.promotions import Target
from backend.domain.registry import Lineage, ModelVersion
from backend.domain.runs import RunState
from backend.domain.telemetry import TrafficSummary
from backend.errors import NotFound, RemoteRejected
from backend.gateways.azureml.scoring import Answer
from backend.promotion.context import Reach

PRODUCTION = "diabetes-endpoint"
TEST = "diabetes-test"
MODEL = "diabetes-classifier"
ENVIRONMENT = "/subscriptions/s/resourceGroups/g/providers/p/workspaces/w/environments/diabetes-env/versions/1"

ROLLOUT = b"""
[[step]]
weight = 10
min_calls = 30
min_seconds = 10
[[step]]
weight = 50
min_calls = 30
min_seconds = 10
[[step]]
weight = 100
min_calls = 30
min_seconds = 10
[limits]
max_error_rate = 0.05
max_p95_ms = 200
[observe]
deadline_seconds = 120
[retirement]
keep_warm_seconds = 600
"""


class Clock:
    """Time that stands still until it is told to pass."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 3, 14, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Machine:
    """A deployment as the cloud holds it."""

    target: Target
    tags: dict[str, str]
    state: ProvisioningState
    until: datetime


@dataclass
class Place:
    """An endpoint. `wanted` becomes `traffic` when its update ends."""

    traffic: dict[str, int] = field(default_factory=dict)
    wanted: dict[str, int] | None = None
    until: datetime | None = None
    machines: dict[str, Machine] = field(default_factory=dict)
    served: list[tuple[datetime, dict[str, int]]] = field(default_factory=list)


class Cloud:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.places = {PRODUCTION: Place(), TEST: Place()}
        self.jobs: dict[str, datetime] = {}
        self.effects: list[str] = []
        self.crossings: Callable[[str], None] = lambda _where: None
        self.troubles: list[Exception] = []
        self.registered: dict[str, ModelVersion] = {}
        self.broken: set[str] = set()
        self.impostors: set[str] = set()
        self.careless: set[str] = set()
        self.error_rates: dict[str, float] = {}
        self.gain = 0.1
        self.calls_per_second = 20.0

    def register(self, version: str, author: str = "scientist", digest: str = "") -> ModelVersion:
        known = ModelVersion(
            name=MODEL,
            version=version,
            digest=digest or f"sha256:{version * 4}",
            created_at=self.clock(),
            threshold=0.5,
            lineage=Lineage(
                commit=f"{version * 3}c0ffee",
                pull_request=version,
                run=f"train-{version}",
                data_asset="diabetes-prod:1",
                data_digest="sha256:data",
                environment=ENVIRONMENT,
                author=author,
            ),
            metrics={"auc": 0.9},
        )
        self.registered[version] = known
        self.clock.pass_(1)
        return known

    def effect(self, what: str, change: Callable[[], None]) -> None:
        self.crossings(f"before {what}")
        change()
        self.effects.append(what)
        self.crossings(f"after {what}")

    def look(self) -> None:
        """Let operations end whose time has come, and fail if the test asked for trouble."""
        if self.troubles:
            raise self.troubles.pop(0)
        for place in self.places.values():
            self._settle(place)

    def _settle(self, place: Place) -> None:
        if place.until is not None and place.until <= self.clock():
            assert place.wanted is not None
            place.traffic, place.wanted, ended = place.wanted, None, place.until
            place.until = None
            place.served.append((ended, dict(place.traffic)))
        for name, machine in list(place.machines.items()):
            if machine.until > self.clock():
                continue
            if machine.state is ProvisioningState.DELETING:
                del place.machines[name]
            elif machine.state is ProvisioningState.CREATING:
                failed = machine.target.version in self.broken
                machine.state = ProvisioningState.FAILED if failed else ProvisioningState.SUCCEEDED

    def check(self) -> None:
        """What must hold at every moment."""
        for name, place in self.places.items():
            for weights in (place.traffic, place.wanted or {}):
                assert sum(weights.values()) in {0, 100}, f"{name}: {weights}"
                for deployment, weight in weights.items():
                    if weight:
                        state = place.machines[deployment].state
                        assert state is ProvisioningState.SUCCEEDED, f"{deployment} has {weight} % and is {state}"

    def reach(self) -> Reach:
        endpoints, jobs, models = EndpointsInMemory(self), JobsInMemory(self), ModelsInMemory(self)
        return Reach(
            workspace=WorkspaceInMemory(),  # type: ignore[arg-type]
            endpoints=endpoints,  # type: ignore[arg-type]
            models=models,  # type: ignore[arg-type]
            jobs=jobs,  # type: ignore[arg-type]
            contents=ContentsInMemory(self),  # type: ignore[arg-type]
            logs=LogsInMemory(self),  # type: ignore[arg-type]
        )


class WorkspaceInMemory:
    def data_id(self, name: str, version: str) -> str:
        return f"/data/{name}/versions/{version}"

    def model_id(self, name: str, version: str) -> str:
        return f"/models/{name}/versions/{version}"


class EndpointsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def get(self, endpoint: str) -> Endpoint | None:
        self.cloud.look()
        place = self.cloud.places.get(endpoint)
        if place is None:
            return None
        return Endpoint(
            name=endpoint,
            state=ProvisioningState.UPDATING if place.until else ProvisioningState.SUCCEEDED,
            scoring_uri="https://localhost/score",
            traffic={name: weight for name, weight in place.traffic.items() if weight},
            mirror_traffic={},
            deployments=tuple(self._deployment(endpoint, machine) for machine in place.machines.values()),
        )

    def _deployment(self, endpoint: str, machine: Machine) -> Deployment:
        target = machine.target
        return Deployment(
            name=target.deployment,
            endpoint=endpoint,
            model=target.model,
            version=target.version,
            environment=target.environment,
            state=machine.state,
            instance_type="Standard_DS2_v2",
            instance_count=1,
            variables={"MLOPS_THRESHOLD": repr(target.threshold), "MLOPS_MODEL_VERSION": target.version},
            tags=machine.tags,
            problem="ModuleNotFoundError: skops" if machine.state is ProvisioningState.FAILED else "",
        )

    def create_deployment(
        self, target: Target, *, code: str, instance_type: str, instance_count: int, tags: dict[str, str]
    ) -> None:
        assert code == f"/codes/{target.run}"
        assert (instance_type, instance_count) == ("Standard_DS2_v2", 1)
        self.cloud.look()
        place = self.cloud.places[target.endpoint]
        assert target.deployment not in place.machines, "created what is there already"
        until = self.cloud.clock() + timedelta(seconds=4)
        made = Machine(target, dict(tags), ProvisioningState.CREATING, until)
        self.cloud.effect(f"create {target.deployment}", lambda: place.machines.update({target.deployment: made}))

    def set_traffic(self, endpoint: str, weights: dict[str, int]) -> None:
        self.cloud.look()
        place = self.cloud.places[endpoint]
        if place.until is not None:
            raise RemoteRejected(
                "The endpoint is being updated.", service="Azure ML", operation="set traffic", status=409
            )
        if sum(weights.values()) not in {0, 100}:
            raise RemoteRejected("Traffic must sum to 100.", service="Azure ML", operation="set traffic", status=400)

        def change() -> None:
            place.wanted = dict(weights)
            place.until = self.cloud.clock() + timedelta(seconds=1)

        told = ",".join(f"{name}={weight}" for name, weight in sorted(weights.items()))
        self.cloud.effect(f"traffic {told}", change)

    def delete_deployment(self, endpoint: str, deployment: str) -> None:
        self.cloud.look()
        place = self.cloud.places[endpoint]
        machine = place.machines.get(deployment)
        if machine is None:
            return
        assert not place.traffic.get(deployment), "deleted what has traffic"
        assert not (place.wanted or {}).get(deployment), "deleted what is about to have traffic"

        def change() -> None:
            machine.state = ProvisioningState.DELETING
            machine.until = self.cloud.clock() + timedelta(seconds=1)

        self.cloud.effect(f"delete {deployment}", change)

    def score(self, endpoint: str, _rows: object, deployment: str = "", *, probe: bool = True) -> Served:
        self.cloud.look()
        assert probe
        target = self._serving(endpoint, deployment)
        return Served(
            deployment=deployment,
            model_version=target.version,
            digest="sha256:other" if target.version in self.cloud.impostors else target.digest,
            threshold=target.threshold,
            probability=0.3,
            request_id="r",
            milliseconds=5.0,
        )

    def raw_score(self, endpoint: str, body: bytes, deployment: str = "", *, probe: bool = True) -> Answer:
        assert probe
        target = self._serving(endpoint, deployment)
        field = "" if target.version in self.cloud.careless else _bad_field(body)
        if field:
            headers = {
                "ms-azureml-model-error-statuscode": "400",
                "ms-azureml-model-error-reason": f"InvalidInput: {field}",
            }
            return Answer(424, headers, b"{}")
        answer = {
            "request_id": "r",
            "model_version": target.version,
            "digest": target.digest,
            "threshold": target.threshold,
            "predictions": [{"probability": 0.3, "decision": "negative"}],
        }
        return Answer(200, {"azureml-model-deployment": deployment}, json.dumps(answer).encode())

    def _serving(self, endpoint: str, deployment: str) -> Target:
        machine = self.cloud.places[endpoint].machines[deployment]
        assert machine.state is ProvisioningState.SUCCEEDED
        return machine.target


def _bad_field(body: bytes) -> str:
    rows = json.loads(body)["rows"]
    if not rows:
        return "rows"
    names = [
        "Pregnancies", "PlasmaGlucose", "DiastolicBloodPressure", "TricepsThickness", "SerumInsulin", "BMI",
        "DiabetesPedigree", "Age",
    ]  # fmt: skip
    for name in (*names, *rows[0]):
        value = rows[0].get(name)
        if name not in names or not isinstance(value, int | float) or not 0 <= value < 10_000:
            return name
    return ""


class JobsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def code_id(self, name: str) -> str:
        return f"/codes/{name}"

    def state(self, name: str) -> RunState:
        self.cloud.look()
        if name not in self.cloud.jobs:
            raise NotFound(f"no job {name}")
        return RunState.COMPLETED if self.cloud.jobs[name] <= self.cloud.clock() else RunState.RUNNING

    def submit(self, request: object) -> str:
        name = request.name  # type: ignore[attr-defined]
        assert len(name) <= 32
        self.pair = [request.inputs[side].rpartition("/")[2] for side in ("champion", "challenger")]  # type: ignore[attr-defined]
        done = self.cloud.clock() + timedelta(seconds=5)
        self.cloud.effect(f"submit {' '.join(self.pair)}", lambda: self.cloud.jobs.setdefault(name, done))
        return name

    def failure(self, _name: str) -> str:
        return "out of memory"

    def artefact(self, _name: str, path: str) -> bytes:
        champion, challenger = next(e.split()[1:] for e in reversed(self.cloud.effects) if e.startswith("submit "))
        if path == "evidence/paired.parquet":
            return paired_rows(self.cloud.gain)
        documents = {
            "evidence/models.json": {
                "champion": self.cloud.registered[champion].digest,
                "challenger": self.cloud.registered[challenger].digest,
            },
            "evidence/metrics.json": {side: {"auc": 0.9} for side in ("champion", "challenger")},
            "evidence/dataset.json": {"digest": "sha256:data", "shared_groups": 0},
        }
        return json.dumps(documents[path]).encode()


def paired_rows(gain: float, rows: int = 1500) -> bytes:
    """Holdout predictions in which the challenger ranks better (or, below 0, worse) by a shift of the positives."""
    random = np.random.default_rng(7)
    outcome = (random.random(rows) < 0.35).astype(np.int8)
    noise = random.normal(size=rows)
    champion = 1 / (1 + np.exp(-(noise + 1.2 * outcome)))
    challenger = 1 / (1 + np.exp(-(noise + (1.2 + 5 * gain) * outcome)))
    table = pa.table({"outcome": outcome, "champion": champion, "challenger": challenger})
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


class ModelsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def get(self, model: str, version: str) -> ModelVersion:
        assert model == MODEL
        return self.cloud.registered[version]


class ContentsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def file(self, path: str, _ref: str) -> bytes | None:
        self.cloud.look()
        assert path == "training/rollout.toml"
        return ROLLOUT


class LogsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def summary(self, endpoint: str, deployment: str, start: datetime, end: datetime) -> TrafficSummary:
        """Calls by the weight that was in force, at a steady rate."""
        self.cloud.look()
        place = self.cloud.places[endpoint]
        requests = 0.0
        changes = [*place.served, (end, {})]
        for (since, weights), (until, _) in pairwise(changes):
            seconds = (min(until, end) - max(since, start)).total_seconds()
            requests += max(0.0, seconds) * self.cloud.calls_per_second * weights.get(deployment, 0) / 100
        version = place.machines[deployment].target.version
        errors = int(requests * self.cloud.error_rates.get(version, 0.0))
        p95 = 40.0 if requests else None
        return TrafficSummary(
            deployment=deployment, requests=int(requests), errors=errors, p50_ms=p95, p95_ms=p95, p99_ms=p95
        )
