"""Data collection: the real SDK declares it, the real collector package hands over, blobs appear and outlive a kill."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError

from backend.bootstrap import connect
from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Target
from backend.gateways.azureml.collected import CollectedInputs
from backend.gateways.azureml.endpoints import Endpoints
from tests.wire.endpoints_lab import ENDPOINT, GROUP, WORKSPACE, lab, wait_for
from tests.wire.gateways_world import PROJECT, settings_of

pytestmark = pytest.mark.recovery

ROOT = "modelDataCollector"
SCORE = """\
import json
import os

import pandas
from azureml.ai.monitoring import Collector
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

COLLECTOR = None


def init():
    global COLLECTOR
    COLLECTOR = Collector(name=os.environ.get("LAB_COLLECTION", "model_inputs_outputs"))


@rawhttp
def run(request):
    body = json.loads(request.get_data())
    COLLECTOR.collect(pandas.DataFrame(body["rows"]))
    return AMLResponse({"rows": len(body["rows"])}, 200, json_str=True)
"""


CODE = "collecting"
LIVING: list[Endpoints] = []
"""For the life of the process, as in the product: a client that is collected with open connections warns."""
KEPT = {"LAB_COLLECTION": "kept"}


def declared(ml_entities, share=1.0, **collections):
    made = {name: ml_entities.DeploymentCollection(enabled=on) for name, on in collections.items()}
    return ml_entities.DataCollector(collections=made, rolling_rate="Hour", sampling_rate=share)


@pytest.fixture(scope="module")
def collecting(make_sandbox):
    """A lab whose deployment `blue` collects."""
    made = lab(make_sandbox("--poll-after-ms", "50"), {"green": 100})
    for script in ("collect.py", "training/score.py"):
        (made.folder / CODE / script).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / CODE / script).write_text(SCORE)
    from azure.ai.ml import entities

    made.deploy(
        "blue", KEPT, code=CODE, script="collect.py", data_collector=declared(entities, kept="true", unused="false")
    )
    return made


def storage(of):
    """The default datastore, opened the SDK's own way."""
    from azure.ai.ml._artifacts._artifact_utilities import get_datastore_info
    from azure.storage.blob import ContainerClient

    info = get_datastore_info(of.ml.datastores, "workspaceblobstore")
    return ContainerClient(info["account_url"], info["container_name"], credential=info["credential"])


def blobs(of, deployment):
    """Names below the deployment's folder and the events in them."""
    with storage(of) as container:
        names = list(container.list_blob_names(name_starts_with=f"{ROOT}/{ENDPOINT}/{deployment}/"))
        return {name: container.download_blob(name).readall().decode().splitlines() for name in names}


def rows(of, deployment):
    return [row for lines in blobs(of, deployment).values() for line in lines for row in json.loads(line)["data"]]


def test_what_a_script_collects_becomes_lines_of_the_hours_blob(collecting):
    assert collecting.score({"rows": [{"Age": 41}, {"Age": 42}]}, deployment="blue").status_code == 200
    wait_for(lambda: blobs(collecting, "blue"), 20, "the first blob")
    (name, (line,)) = next(iter(blobs(collecting, "blue").items()))
    hour = datetime.now(UTC)
    assert name.startswith(f"{ROOT}/{ENDPOINT}/blue/kept/{hour:%Y}/{hour:%m}/{hour:%d}/")
    assert name.endswith(".jsonl")
    event = json.loads(line)
    assert event["data"] == [{"Age": 41}, {"Age": 42}]
    assert (event["specversion"], event["type"]) == ("1.0", "azureml.inference.kept")
    assert event["source"].endswith(f"/onlineEndpoints/{ENDPOINT}/deployments/blue")
    assert event["agent"].startswith("azureml-ai-monitoring/")
    assert event["collectdatatype"] == "pandas.core.frame.DataFrame"
    assert abs((hour - datetime.fromisoformat(event["time"])).total_seconds()) < 60
    assert len(event["correlationid"]) == 36


def test_what_is_declared_is_answered_as_the_service_answers_it(collecting):
    told = collecting.ml.online_deployments.get("blue", ENDPOINT).data_collector
    assert {name: each.enabled for name, each in told.collections.items()} == {"kept": "true", "unused": "false"}
    assert (told.sampling_rate, told.rolling_rate) == (1.0, "Hour")
    asset = collecting.ml.data.get(f"{ENDPOINT}-blue-kept", "1")
    assert asset.path.endswith(f"{ROOT}/{ENDPOINT}/blue/kept")


def test_a_share_of_nothing_keeps_nothing_and_green_collects_nothing(collecting):
    from azure.ai.ml import entities

    collecting.deploy(
        "thin", KEPT, code=CODE, script="collect.py", data_collector=declared(entities, 1e-9, kept="true")
    )
    for _ in range(5):
        assert collecting.score({"rows": [{"Age": 1}]}, deployment="thin").status_code == 200
    before = len(rows(collecting, "blue"))
    assert collecting.score({"rows": [{"Age": 43}]}, deployment="blue").status_code == 200
    wait_for(lambda: len(rows(collecting, "blue")) == before + 1, 20, "the row after them")
    assert blobs(collecting, "thin") == blobs(collecting, "green") == {}


def test_a_deployment_that_crashes_for_want_of_its_collection_says_why(collecting):
    from azure.ai.ml import entities

    with pytest.raises(HttpResponseError, match="collection kept is not enabled"):
        collecting.deploy(
            "wrong", KEPT, code=CODE, script="collect.py", data_collector=declared(entities, other="true")
        )


@pytest.fixture(scope="module")
def ours(collecting, tmp_path_factory):
    """Our gateways, and a deployment of production that they have made."""
    names = {"resource_group": GROUP, "prod_workspace": WORKSPACE, "dev_workspace": WORKSPACE, "endpoint": ENDPOINT}
    project = PROJECT.model_copy(update=names | {"log_workspace_id": "not asked"})
    workspace = connect(settings_of(collecting.sandbox, tmp_path_factory.mktemp("ours"), project)).prod
    endpoints, inputs = Endpoints(workspace), CollectedInputs(workspace)
    LIVING.append(endpoints)
    blue = collecting.ml.online_deployments.get("blue", ENDPOINT)
    target = Target(
        endpoint=ENDPOINT, deployment="v7-c0de", model="tiny", version="1", digest="sha256:1", threshold=0.5,
        environment=workspace.environment_id("tiny-env", "1"), commit="c0ffee", run="train-1",
    )  # fmt: skip
    for _ in range(2):  # a worker that died between the SDK's data asset and the PUT begins anew
        endpoints.create_deployment(
            target,
            code=f"{collecting.workspace_id}{blue.code_configuration.code.rpartition(WORKSPACE)[2]}",
            instance_type="Standard_DS2_v2",
            instance_count=1,
            tags={},
            collect_percent=100,
        )
    wait_for(lambda: endpoints.get(ENDPOINT).deployment("v7-c0de").state is ProvisioningState.SUCCEEDED, 60, "v7")
    return endpoints, inputs, target


def answered(age, version="1"):
    answer = {"probability": age / 100, "decision": "positive" if age >= 50 else "negative", "version": version}
    return {"Age": age, "BMI": 31.5, "band_age": "45 to 59", "request": f"digest-{age}", "row": 0, **answer}


def test_our_gateway_declares_it_and_reads_the_newest_first(collecting, ours):
    endpoints, inputs, target = ours
    for ages in ((41, 42), (53,)):
        body = json.dumps({"rows": [*map(answered, ages), answered(99, version="0")]}).encode()
        assert endpoints.raw_score(ENDPOINT, body, target.deployment).status == 200
    since, now = datetime.now(UTC) - timedelta(days=7), datetime.now(UTC) + timedelta(seconds=60)
    wait_for(lambda: len(inputs.newest(target, since, now, 500).rows) == 3, 20, "three collected rows")
    found = inputs.newest(target, since, now, 500)
    assert [(r.features, r.positive) for r in found.rows] == [
        ({"Age": 53.0, "BMI": 31.5}, True), ({"Age": 42.0, "BMI": 31.5}, False), ({"Age": 41.0, "BMI": 31.5}, False),
    ]  # fmt: skip
    assert {r.bands for r in found.rows} == {("age 45 to 59",)}
    assert [(r.request, r.row) for r in found.rows] == [("digest-53", 0), ("digest-42", 0), ("digest-41", 0)]
    hours = inputs.hours(ENDPOINT, since)
    every = inputs.answers([name for names in hours.values() for name in names])
    assert {version: len(rows) for version, rows in every.items()} == {"1": 3, "0": 2}
    assert {r.request for r in every["1"]} == {"digest-41", "digest-42", "digest-53"}
    assert inputs.answers([f"{ROOT}/{ENDPOINT}/gone.jsonl"]) == {}
    assert (found.blobs, found.more, found.digest[:7]) == (1, False, "sha256:")
    assert since < found.oldest <= found.newest <= now
    assert len(inputs.newest(target, since, now, 2).rows) == 2
    assert inputs.newest(target, now, now, 500).rows == ()
    told = collecting.rest("GET", f"/onlineEndpoints/{ENDPOINT}/deployments/v7-c0de").json()["properties"]
    kept = told["dataCollector"]["collections"]["model_inputs_outputs"]
    assert (kept["dataCollectionMode"], kept["samplingRate"]) == ("Enabled", 1.0)


def test_what_is_old_is_listed_and_deleted_once_and_what_is_young_stays(collecting, ours):
    _, inputs, target = ours
    old = f"{ROOT}/{ENDPOINT}/v1-gone/model_inputs_outputs/2025/11/26/07/a.jsonl"
    with storage(collecting) as container:
        container.upload_blob(old, b"{}\n")
    before = datetime.now(UTC) - timedelta(days=30)
    assert inputs.older(ENDPOINT, before, 10) == (old,)
    assert inputs.older("another", before, 10) == ()
    assert (inputs.delete(old), inputs.delete(old)) == (True, False)
    assert inputs.older(ENDPOINT, before, 10) == ()
    assert inputs.newest(target, before, datetime.now(UTC) + timedelta(seconds=60), 500).rows


def test_nothing_is_lost_when_the_world_is_killed_in_between_and_ids_tell_repeats(collecting):
    before = len(rows(collecting, "blue"))
    for age in range(20):
        assert collecting.score({"rows": [{"Age": 100 + age}]}, deployment="blue").status_code == 200
    collecting.sandbox.kill()
    collecting.sandbox.restart()
    wait_for(lambda: len(rows(collecting, "blue")) >= before + 20, 20, "the rows of before the kill")
    assert collecting.score({"rows": [{"Age": 120}]}, deployment="blue").status_code == 200
    wait_for(lambda: [row for row in rows(collecting, "blue") if row["Age"] == 120], 20, "a row after the restart")
    seen = [json.loads(line)["id"] for lines in blobs(collecting, "blue").values() for line in lines]
    assert {row["Age"] for row in rows(collecting, "blue")} >= {*range(100, 121)}
    assert len(set(seen)) <= len(seen) <= len(set(seen)) + 20


def test_a_sidecar_ends_with_its_server_and_comes_back_with_it(collecting):
    def processes():
        """The sidecar, and the rest: their wrapper and the server name its file further behind."""
        found = {process: process.cmdline()[1].endswith("sidecar.py") for process in collecting.servers("blue")}
        return [p for p, is_it in found.items() if is_it], [p for p, is_it in found.items() if not is_it]

    (old,), leaders = processes()
    for process in leaders:
        process.kill()
    wait_for(lambda: not old.is_running(), 20, "the end of the sidecar")
    wait_for(lambda: collecting.score({"rows": [{"Age": 7}]}, deployment="blue").status_code == 200, 40, "an answer")
    wait_for(lambda: [row for row in rows(collecting, "blue") if row["Age"] == 7], 20, "a row of the new server")
