"""Data collection of the local world, without a world: the sidecar's lines, their way to blobs, what ARM is told."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.arm.errors import ArmError
from sandbox.blob import files
from sandbox.endpoints.collection import carry, collected, data_collector, rolling
from sandbox.runtime import servers
from sandbox.runtime.processes import Process
from sandbox.runtime.servers import Server
from sandbox.runtime.sidecar import PATH, event
from sandbox.world import Settings, open_world

DEPLOYMENT = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/diabetes-prod"
    "/onlineEndpoints/diabetes-endpoint/deployments/v1-7f3a"
)
HEADERS = {
    "trace-id": "11111111-0000-4000-8000-000000000000",
    "ce-time": "1764150000",
    "ce-type": "azureml.inference.kept",
    "ce-collect-data-type": "pandas.core.frame.DataFrame",
    "ce-agent": "azureml-ai-monitoring/1.0.0",
    "ce-x-request-id": "22222222-0000-4000-8000-000000000000",
    "ce-model-version": "default",
}
BLOB = "modelDataCollector/diabetes-endpoint/v1-7f3a/kept/2025/11/26/09/"


def test_a_line_has_the_services_fields():
    found = event(HEADERS, b'[{"Age":41}]', DEPLOYMENT)
    assert found == {
        "specversion": "1.0",
        "id": HEADERS["trace-id"],
        "source": DEPLOYMENT,
        "type": "azureml.inference.kept",
        "datacontenttype": "application/json",
        "time": "2025-11-26T09:40:00Z",
        "data": [{"Age": 41}],
        "contentrange": "bytes 0-11/12",
        "correlationid": HEADERS["ce-x-request-id"],
        "xrequestid": HEADERS["ce-x-request-id"],
        "modelversion": "default",
        "collectdatatype": "pandas.core.frame.DataFrame",
        "agent": "azureml-ai-monitoring/1.0.0",
    }


@pytest.fixture
def sidecar(tmp_path):
    """The process as a server starts it: its spool and its port."""
    spool = tmp_path / "collected.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        descriptor, port = listening.fileno(), listening.getsockname()[1]
        command = [sys.executable, str(servers.SIDECAR), str(spool), DEPLOYMENT, str(descriptor)]
        process = subprocess.Popen(command, pass_fds=[descriptor])
    yield spool, port
    process.terminate()
    process.wait(timeout=20)


def post(port, path=PATH, body=b"[]", headers=HEADERS):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, {**headers})
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_sidecar_keeps_a_line_a_table_before_it_answers(sidecar):
    spool, port = sidecar
    assert post(port, body=b'[{"Age":41}]') == 200
    assert post(port, body='[{"note":"µU"}]'.encode()) == 200
    assert [json.loads(line)["data"] for line in spool.read_text().splitlines()] == [[{"Age": 41}], [{"note": "µU"}]]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"path": "/elsewhere"}, 404),
        ({"body": b"not json"}, 400),
        ({"headers": {}}, 400),
        ({"headers": {**HEADERS, "Content-Length": str(5 << 20)}, "body": b""}, 413),
    ],
)
def test_what_is_no_table_is_refused_and_leaves_no_line(sidecar, more, status):
    spool, port = sidecar
    assert post(port, **more) == status
    assert not spool.exists()


SEND = """
import time

import pandas
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.init import teardown

kept = Collector(name="kept")
for age in (41, 42):
    kept.collect(pandas.DataFrame({"Age": [age], "band_age": ["30 to 44"]}))
teardown(wait_for_flush=True)
"""


@pytest.fixture
def world(tmp_path):
    opened = open_world(Settings(home=tmp_path / "world", runtime_python=None, runner_python=None))
    yield opened
    opened.documents.close()
    opened.events.close()


def test_what_the_real_collector_hands_over_becomes_the_hours_blob(sidecar, world, tmp_path):
    spool, port = sidecar
    runtime = (
        os.environ.get("MLOPS_RUNTIME_PYTHON") or Path(__file__).parents[2] / ".venv" / "runtime" / "bin" / "python"
    )
    told = tmp_path / "collector.json"
    told.write_text(json.dumps({"collections": {"kept": {"enabled": True, "sampleRatePercentage": 100}}}))
    where = {"AZUREML_MDC_CONFIG_PATH": str(told), "AZUREML_MDC_PORT": str(port), "PATH": os.environ["PATH"]}
    subprocess.run([runtime, "-c", SEND], env=where, check=True, timeout=200, capture_output=True)
    carry(world, DEPLOYMENT, Server(Process(1, 1.0, ""), 1, spool.parent), "day")
    prefix = "modelDataCollector/diabetes-endpoint/v1-7f3a/kept/"
    (name,) = files.names(world, "diabetesprodstore", files.BLOBSTORE, prefix)
    lines = files.blob_path(world, "diabetesprodstore", files.BLOBSTORE, name).read_text().splitlines()
    assert [json.loads(line)["data"] for line in lines] == [
        [{"Age": 41, "band_age": "30 to 44"}], [{"Age": 42, "band_age": "30 to 44"}],
    ]  # fmt: skip
    assert len({json.loads(line)["id"] for line in lines}) == 2


def test_lines_are_carried_once_and_go_on_where_they_stopped(world, tmp_path):
    server = Server(Process(1, 1.0, ""), 1, tmp_path / "7")
    server.folder.mkdir()

    def there():
        names = list(files.names(world, "diabetesprodstore", files.BLOBSTORE, BLOB))
        paths = [files.blob_path(world, "diabetesprodstore", files.BLOBSTORE, name) for name in names]
        return [json.loads(line)["data"] for path in paths for line in path.read_text().splitlines()]

    def kept(age, end):
        with server.spool.open("a") as spool:
            spool.write(json.dumps(event(HEADERS, json.dumps([age]).encode(), DEPLOYMENT)) + end)
        for _ in range(2):
            carry(world, DEPLOYMENT, server, "hour")

    carry(world, DEPLOYMENT, server, "hour")
    assert there() == []
    kept(41, "\n")
    assert there() == [[41]]
    kept(42, "")
    assert there() == [[41]]
    with server.spool.open("a") as spool:
        spool.write("\n")
    carry(world, DEPLOYMENT, server, "hour")
    assert there() == [[41], [42]]
    with server.spool.open("a") as spool:
        spool.write('{"specversion":"1.0","id":"cut')
    kept(43, "\n")
    kept(44, "\n")
    assert there() == [[41], [42], [44]]


def test_the_property_is_answered_as_the_service_answers_it():
    assert data_collector(None) is None
    sent = {"collections": {"kept": {"dataCollectionMode": "enabled", "samplingRate": 0.25, "dataId": "/d"}, "off": {}}}
    told = data_collector(sent)
    assert told["collections"]["kept"] == {
        "dataCollectionMode": "Enabled", "samplingRate": 0.25, "dataId": "/d", "clientId": None,
    }  # fmt: skip
    assert (told["rollingRate"], collected({"dataCollector": told})) == ("Hour", {"kept": 25.0})
    assert (rolling({"dataCollector": told}), rolling({}), collected({})) == ("hour", "hour", {})


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"collections": {"request": {"dataCollectionMode": "enabled"}}}, 501),
        ({"collections": {"kept": {"dataCollectionMode": "enabled", "samplingRate": 2}}}, 400),
        ({"collections": {"kept": {"dataCollectionMode": "enabled"}}, "rollingRate": "Week"}, 400),
        ({"collections": {str(n): {} for n in range(6)}}, 400),
        ({"collections": []}, 400),
    ],
)
def test_what_the_service_would_refuse_is_refused_and_what_is_not_there_says_so(sent, status):
    with pytest.raises(ArmError) as refused:
        data_collector(sent)
    assert refused.value.status_code == status
