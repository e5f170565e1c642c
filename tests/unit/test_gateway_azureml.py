"""Azure ML's entities as domain values, made by the SDKs' own classes."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime

import pytest

from backend.domain.endpoints import ProvisioningState
from backend.domain.runs import RunState
from backend.errors import Invalid, RemoteRejected
from backend.gateways.azureml.client import version_in
from backend.gateways.azureml.endpoints import as_deployment, as_endpoint
from backend.gateways.azureml.jobs import STATES
from backend.gateways.azureml.models import as_version
from backend.gateways.azureml.runs import as_curves, as_run
from backend.gateways.azureml.scoring import Answer, as_served
from backend.gateways.azureml.staging import staged

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # azure-ai-ml declares its schemas in ways its own dependencies have deprecated
    from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint, Model
    from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        (f"{WORKSPACE}/models/diabetes-classifier/versions/12", ("diabetes-classifier", "12")),
        ("azureml:diabetes-classifier:12", ("diabetes-classifier", "12")),
        ("diabetes-training:1", ("diabetes-training", "1")),
        ("", ("", "")),
    ],
)
def test_the_version_in_an_id(asset, expected):
    assert version_in(asset) == expected


def test_an_endpoint_without_the_zeroes_the_sdk_adds():
    entity = ManagedOnlineEndpoint(
        name="diabetes-endpoint",
        traffic={"v1-aaaa": 100, "v2-bbbb": 0},
        mirror_traffic={},
        scoring_uri="https://x/score",
        provisioning_state="Succeeded",
    )
    found = as_endpoint(entity, ())
    assert found.traffic == {"v1-aaaa": 100}
    assert found.stable == "v1-aaaa"
    assert found.state is ProvisioningState.SUCCEEDED


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Creating", ProvisioningState.CREATING),
        ("Succeeded", ProvisioningState.SUCCEEDED),
        ("Failed", ProvisioningState.FAILED),
        ("Deleting", ProvisioningState.DELETING),
        ("Scaling", ProvisioningState.UPDATING),
        (None, ProvisioningState.UPDATING),
    ],
)
def test_a_deployment(word, state):
    entity = ManagedOnlineDeployment(
        name="v12-7f3a",
        endpoint_name="diabetes-endpoint",
        model=f"{WORKSPACE}/models/diabetes-classifier/versions/12",
        environment=f"{WORKSPACE}/environments/diabetes-training/versions/1",
        environment_variables={"MLOPS_THRESHOLD": "0.5"},
        instance_type="Standard_DS2_v2",
        instance_count=2,
        tags={"promotion": "p-1"},
        provisioning_state=word,
    )
    found = as_deployment("diabetes-endpoint", entity)
    assert (found.model, found.version, found.state) == ("diabetes-classifier", "12", state)
    assert (found.instance_count, found.tags, found.variables["MLOPS_THRESHOLD"]) == (2, {"promotion": "p-1"}, "0.5")


def test_a_version_with_its_lineage_and_figures():
    tags = {"digest": "sha256:1", "threshold": "0.288", "commit": "abc", "run": "r", "auc": "0.98", "brier": "n/a"}
    found = as_version(Model(name="diabetes-classifier", version="12", tags=tags))
    assert (found.digest, found.threshold, found.lineage.commit) == ("sha256:1", 0.288, "abc")
    assert found.lineage.author == ""
    assert found.metrics == {"auc": 0.98}
    assert found.created_at == datetime.fromtimestamp(0, UTC)


def test_a_model_that_somebody_else_registered_has_no_lineage():
    found = as_version(Model(name="other", version="1"))
    assert (found.digest, found.lineage.run, found.metrics) == ("", "", {})


def test_a_run():
    info = RunInfo(
        run_id="train-1", experiment_id="1", user_id="root", status="FAILED", start_time=1_000, end_time=None,
        lifecycle_stage="active", run_name="odd",
    )  # fmt: skip
    data = RunData(
        metrics=[Metric("auc", 0.9, 0, 0), Metric("loss", float("nan"), 0, 0), Metric("gain", float("inf"), 0, 0)],
        params=[Param("reg_rate", "0.1")],
        tags=[RunTag("author", "scientist"), RunTag("mlflow.user", "root"), RunTag("azureml.x", "y")],
    )
    found = as_run(Run(info, data), "diabetes", "diabetes-dev")
    assert (found.state, found.author, found.experiment) == (RunState.FAILED, "scientist", "diabetes")
    assert found.metrics == {"auc": 0.9}
    assert found.tags == {"author": "scientist"}
    assert (found.started_at, found.ended_at) == (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), None)


def test_every_status_the_sdk_knows_has_a_state():
    from azure.ai.ml.operations._run_history_constants import RunHistoryConstants

    words = {*RunHistoryConstants.TERMINAL_STATUSES, *RunHistoryConstants.IN_PROGRESS_STATUSES, "Completed", "Failed"}
    assert words <= set(STATES)


def test_curves():
    (curve,) = as_curves({"roc": {"x": [0, 1], "y": [0, 1]}})
    assert (curve.kind, curve.x) == ("roc", (0.0, 1.0))
    assert as_curves(None) == ()


BODY = {
    "request_id": "r1", "model_version": 12, "digest": "sha256:1", "threshold": 0.5,
    "predictions": [{"probability": 0.7, "decision": "positive"}],
}  # fmt: skip


def test_what_a_deployment_says_of_itself():
    answer = Answer(200, {"azureml-model-deployment": "v12-7f3a"}, json.dumps(BODY).encode())
    served = as_served(answer, 12.0)
    assert (served.deployment, served.model_version, served.probability) == ("v12-7f3a", "12", 0.7)


@pytest.mark.parametrize("body", [b"true", b"not json", b"[]", json.dumps({**BODY, "predictions": []}).encode()])
def test_an_answer_of_another_scoring_script(body):
    with pytest.raises(RemoteRejected, match="scoring contract"):
        as_served(Answer(200, {}, body), 1.0)


def test_only_training_is_staged(tmp_path):
    package = tmp_path / "training"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "train.py").write_text("x = 1\n")
    (package / "__pycache__" / "train.pyc").write_bytes(b"1")
    (package / ".secret").write_text("no")
    (tmp_path / "console").mkdir()
    with staged(tmp_path) as folder:
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    assert names == ["training", "training/__init__.py", "training/train.py"]
    assert not folder.exists()


def test_a_folder_without_training_is_told(tmp_path):
    with pytest.raises(Invalid, match="holds no training/ package"), staged(tmp_path):
        pass
