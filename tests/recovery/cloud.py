"""A small Azure in memory: endpoints, deployments, traffic, jobs, a registry and logs, under a clock of the test's own.

It holds the state of a cloud and refuses what Azure refuses. Long operations take seconds of its clock. `crossings`
sees every effect before and after it happens, so that a test can end the process there.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from backend.domain.endpoints import Change, ProvisioningState
from backend.domain.production_flips import CollectedRow
from backend.domain.registry import Lineage, ModelVersion
from backend.domain.runs import RunState
from backend.domain.supply_chain import EnvironmentDefinition, Package
from backend.errors import NotFound
from backend.promotion.context import Reach
from tests.contracts import WRITTEN
from tests.recovery.cloud_collected import CollectedInMemory
from tests.recovery.cloud_endpoints import EndpointsInMemory
from tests.recovery.cloud_monitor import LogsInMemory, MetricsInMemory
from tests.recovery.cloud_state import Clock, Place

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


GATES = (Path(__file__).parents[2] / "training" / "gates.toml").read_bytes()
"""The project's own."""

CARD = (Path(__file__).parents[2] / "training" / "card.toml").read_bytes()

ILL = 0.35

DEFINITION = EnvironmentDefinition(
    asset=ENVIRONMENT,
    image="mcr.example/base@sha256:" + "ba5e" * 16,
    digest="sha256:environment-1",
    packages=(Package(name="scikit-learn", version="1.9.1"), Package(name="python", version="3.11", source="conda")),
)


def model_files(version: str) -> dict[str, bytes]:
    """A model folder as MLflow writes one with skops inside; each version's is another."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        tree = {"__class__": "LogisticRegression", "__module__": "sklearn.linear_model", "__loader__": "ObjectNode"}
        made.writestr(zipfile.ZipInfo("schema.json"), json.dumps({**tree, "content": {}, "seed": version}))
    flavours = {
        "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.skops"},
        "sklearn": {"serialization_format": "skops", "code": None},
    }
    return {"MLmodel": json.dumps({"flavors": flavours}).encode(), "model.skops": archive.getvalue()}


def digest_of(files: dict[str, bytes]) -> str:
    lines = sorted(f"{path}\0{hashlib.sha256(content).hexdigest()}\n".encode() for path, content in files.items())
    return f"sha256:{hashlib.sha256(b''.join(lines)).hexdigest()}"


def unwatched(_where: str) -> None:
    """What crosses into a cloud that nobody watches."""


class Cloud:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.places = {PRODUCTION: Place(), TEST: Place()}
        self.jobs: dict[str, datetime] = {}
        self.effects: list[str] = []
        self.crossings: Callable[[str], None] = unwatched
        self.troubles: list[Exception] = []
        self.registered: dict[str, ModelVersion] = {}
        self.folders: dict[str, dict[str, bytes]] = {}
        self.environment: EnvironmentDefinition | None = DEFINITION
        self.broken: set[str] = set()
        self.impostors: set[str] = set()
        self.careless: set[str] = set()
        self.mute: set[str] = set()
        self.archived: set[str] = set()
        self.stranger = "somebody@hospital.example"
        self.activity: list[Change] = []
        self.moody: set[str] = set()
        self.error_rates: dict[str, float] = {}
        self.p95_ms: dict[str, float] = {}
        self.positive_rates: dict[str, float] = {}
        self.cpu_percent: dict[str, float] = {}
        self.rollout = ROLLOUT
        self.gain = 0.1
        self.made: dict[str, str] = {}
        self.gates = GATES
        self.card: bytes | None = CARD
        self.contracts: dict[str, object] = {}
        self.slowness = 1.0
        self.calls_per_second = 20.0
        self.asked = 200
        self.shifts: dict[str, float] = {}
        self.no_storage: Exception | None = None
        self.blobs: dict[str, datetime] = {}
        self.answered: tuple[CollectedRow, ...] = ()
        self.profile: bytes | None = None

    def copied(self) -> Cloud:
        """Another one as this is now, without who watches what crosses into it."""
        shared: list[object] = [self.crossings, *self.troubles]
        other = copy.deepcopy(self, {id(one): one for one in shared})
        other.crossings = unwatched
        return other

    def register(self, version: str, author: str = "scientist", digest: str = "") -> ModelVersion:
        known = ModelVersion(
            name=MODEL,
            version=version,
            digest=digest or digest_of(self.folders.setdefault(version, model_files(version))),
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
            assets=AssetsInMemory(self),  # type: ignore[arg-type]
            collected=CollectedInMemory(self),  # type: ignore[arg-type]
            contents=ContentsInMemory(self),  # type: ignore[arg-type]
            logs=LogsInMemory(self),  # type: ignore[arg-type]
            metrics=MetricsInMemory(self),  # type: ignore[arg-type]
        )


class WorkspaceInMemory:
    def data_id(self, name: str, version: str) -> str:
        return f"/data/{name}/versions/{version}"

    def endpoint_id(self, name: str) -> str:
        return f"/workspaces/w/onlineEndpoints/{name}"

    def model_id(self, name: str, version: str) -> str:
        return f"/models/{name}/versions/{version}"


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

    def artefact(self, name: str, path: str) -> bytes:
        if name.startswith("train-"):
            return self._of_training(name.removeprefix("train-"), path)
        if name not in self.cloud.jobs:
            raise NotFound(f"no run {name} has {path}")
        champion, challenger = next(e.split()[1:] for e in reversed(self.cloud.effects) if e.startswith("submit "))
        if path == "evidence/paired.parquet":
            return paired_rows(self.cloud.gain)
        documents: dict[str, object] = {
            "evidence/models.json": {
                "champion": self._evaluated(champion),
                "challenger": self._evaluated(challenger),
            },
            "evidence/dataset.json": {"digest": "sha256:data", "shared_groups": 0},
        }
        return json.dumps(documents[path]).encode()

    def _evaluated(self, version: str) -> str:
        """What the job computes; a version that was registered without a digest has that of its files."""
        return self.cloud.registered[version].digest or digest_of(self.cloud.folders[version])

    def _of_training(self, version: str, path: str) -> bytes:
        if path == "evidence/data_profile.json":
            if self.cloud.profile is None:
                raise NotFound(f"run train-{version} has no artefact {path}")
            return self.cloud.profile
        if path == "evidence/predictions.parquet":
            return own_rows(self.cloud.gain)
        documents: dict[str, object] = {
            "evidence/dataset.json": {"digest": "sha256:data", "shared_groups": 0, "rows": 10_000, "patients": 9_959},
            "evidence/robustness.json": SOUND,
            "evidence/contract.json": self.cloud.contracts.get(version, json.loads(WRITTEN)),
            "evidence/model.json": {"digest": self.cloud.made.get(version) or self.cloud.registered[version].digest},
            "evidence/environment.json": {"python": "3.11.7", "scikit-learn": "1.9.1", "joblib": "1.5.3"},
        }
        return json.dumps(documents[path]).encode()


SOUND = {
    "batch": {"rows": 500, "largest_difference": 0.0},
    "contract": [{"check": "BMI missing", "rows": 500, "refused": 1.0}],
    "monotonic": [{"feature": "PlasmaGlucose", "step": 20.0, "rows": 500, "fell": 0.0}],
    "units": [
        {
            "mistake": "glucose in mmol/L",
            "feature": "PlasmaGlucose",
            "rows": 500,
            "refused": 0.0,
            "warned": 1.0,
            "silently_changed": 0.0,
        }
    ],
}
"""A training run's `robustness.json` in which nothing is wrong."""


def paired_rows(gain: float, rows: int = 1500) -> bytes:
    """Holdout predictions in which the challenger ranks better (or, below 0, worse) than the champion."""
    return _rows({"champion": 1.2, "challenger": 1.2 + 5 * gain}, rows)


def own_rows(gain: float, rows: int = 1500) -> bytes:
    """The challenger's own holdout predictions."""
    return _rows({"probability": 1.2 + 5 * gain}, rows)


def _rows(distances: dict[str, float], rows: int) -> bytes:
    """Calibrated probabilities: ill and well are normal, one apart by each column's distance, and share their noise."""
    random = np.random.default_rng(7)
    outcome = (random.random(rows) < ILL).astype(np.int8)
    noise = random.normal(size=rows)
    before = np.log(ILL / (1 - ILL))
    ages = pa.DictionaryArray.from_arrays(pa.array(np.arange(rows) % 2, pa.int8()), ["under 45", "45 and over"])
    columns = {
        name: 1 / (1 + np.exp(-(before + d * (noise + d * outcome) - d * d / 2))) for name, d in distances.items()
    }
    table = pa.table({"group": np.arange(rows), "outcome": outcome, **columns, "band_age": ages})
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


class ModelsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def versions(self, model: str) -> tuple[ModelVersion, ...]:
        assert model == MODEL
        self.cloud.look()
        return tuple(v for v in self.cloud.registered.values() if v.version not in self.cloud.archived)

    def get(self, model: str, version: str) -> ModelVersion:
        assert model == MODEL
        return self.cloud.registered[version]

    def download(self, model: str, version: str, folder: Path) -> Path:
        assert model == MODEL
        self.cloud.look()
        for path, content in self.cloud.folders[version].items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder


class AssetsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def definition(self, environment: str) -> EnvironmentDefinition | None:
        assert environment == ENVIRONMENT
        self.cloud.look()
        return self.cloud.environment


class ContentsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def file(self, path: str, _ref: str) -> bytes | None:
        self.cloud.look()
        return {
            "training/rollout.toml": self.cloud.rollout,
            "training/gates.toml": self.cloud.gates,
            "training/card.toml": self.cloud.card,
        }[path]
