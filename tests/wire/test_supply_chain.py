"""A stranger registers a pickle through the SDK: the worker looks at it, and refuses it before it runs anywhere."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime

import pytest
from azureml_lab import NOISE
from gateways_world import PROJECT, settings_of
from pydantic import SecretStr

from backend.bootstrap import connect, setup_sides
from backend.bootstrap_worker import reach_of
from backend.domain.promotions import Failed, Kind
from backend.errors import NotFound
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.azureml.models import Models
from backend.operations.decision import target_on
from backend.promotion import transitions
from backend.promotion.context import StepContext
from backend.promotion.plan import stage_plan
from backend.promotion.steps import create_deployment
from backend.promotion.supply_chain import changed_since
from backend.setup.resource import apply
from backend.setup.whole import azure_resources
from backend.store import Store
from tests.recovery.cloud import digest_of, model_files
from training.cohort import write

pytestmark = [pytest.mark.filterwarnings(line) for line in NOISE]


class Evil:
    def __reduce__(self):
        return (print, ("this would have run on the endpoint",))


@pytest.fixture(scope="module")
def gateways(sandbox, tmp_path_factory):
    """Both workspaces as setup declares them."""
    settings = settings_of(sandbox, tmp_path_factory.mktemp("ours"), PROJECT)
    made = connect(settings)
    folder = tmp_path_factory.mktemp("patients")
    files = [folder / "dev.csv", folder / "prod.csv"]
    for seed, file in enumerate(files):
        write(file, 1500, seed)
    left = []
    resources = azure_resources(setup_sides(settings, made, *files))
    assert apply(resources, lambda d: None if d.done else left.append(d))
    assert left == []
    return made


@pytest.fixture
def step(gateways, tmp_path):
    """The first step of the test of a version, with the real gateways and a store of its own."""
    store = Store(f"sqlite:///{tmp_path}/ours.db", token_key=SecretStr(""))
    store.migrate()
    reach = reach_of(gateways)

    def of(version):
        target, now = target_on(PROJECT.test_endpoint, version), datetime.now(UTC)
        staging = transitions.begin("stage", Kind.STAGE, target, stage_plan(), by="worker", reason="new", now=now)
        return StepContext(
            promotion=staging,
            record=staging.steps[0],
            project=PROJECT,
            store=store,
            reach=reach,
            clock=lambda: datetime.now(UTC),
            still_mine=lambda: True,
        )

    yield of
    store.close()


def registered(gateways, folder, files, **tags):
    """As anybody with the right to register does it: a folder of this machine, and tags of their own choosing."""
    from azure.ai.ml.entities import Model

    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    lineage = {
        "digest": digest_of(files),
        "run": "train-of-nobody",
        "commit": "c" * 40,
        "environment": gateways.prod.environment_id(PROJECT.environment, "1"),
    }
    entity = Model(name=PROJECT.model, path=str(folder), type="mlflow_model", tags={**lineage, **tags})
    made = gateways.prod.ml().models.create_or_update(entity)
    return Models(gateways.prod).get(PROJECT.model, str(made.version))


def test_a_strangers_pickle_is_refused_by_name_and_deploys_nothing(gateways, step, tmp_path):
    flavours = {"python_function": {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl"}}
    files = {"MLmodel": json.dumps({"flavors": flavours}).encode(), "python_model.pkl": pickle.dumps(Evil())}
    version = registered(gateways, tmp_path / "evil", files)
    ctx = step(version)
    outcome = create_deployment.run(ctx)
    assert isinstance(outcome, Failed)
    for words in ("no run of ours made it", "python_model.pkl is a pickle", "the loader mlflow.pyfunc.model"):
        assert words in outcome.reason
    assert create_deployment.run(ctx) == outcome
    assert Endpoints(gateways.prod).get(PROJECT.test_endpoint).deployments == ()
    (frozen,) = ctx.store.evidence.of_version(version.name, version.version)
    assert frozen.supply_chain.digest == version.digest == digest_of(files)
    assert frozen.supply_chain.run_digest == ""


def test_bytes_that_are_not_what_the_registry_says_are_refused(gateways, step, tmp_path):
    version = registered(gateways, tmp_path / "other", model_files("other"), digest="sha256:" + "0" * 64)
    assert f"the registry says sha256:{'0' * 64}" in create_deployment.run(step(version)).reason


def test_skops_is_let_through_with_its_environment_pinned(gateways, step, tmp_path):
    """It goes on to the code of its run, which does not exist."""
    version = registered(gateways, tmp_path / "sound", model_files("sound"))
    ctx = step(version)
    with pytest.raises(NotFound, match="train-of-nobody"):
        create_deployment.run(ctx)
    (frozen,) = ctx.store.evidence.of_version(version.name, version.version)
    found = frozen.supply_chain
    assert (found.refusals, found.runs_code) == ((), ())
    assert found.types == ("sklearn.linear_model.LogisticRegression",)
    pinned = {package.name: package.version for package in found.environment.packages}
    assert pinned["skops"]
    assert pinned["python"] == "3.11"
    assert "" not in {version for name, version in pinned.items() if name != "pip"}
    assert found.environment.image.startswith("mcr.microsoft.com/")
    assert changed_since(ctx) == ""
