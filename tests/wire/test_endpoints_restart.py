"""Endpoints across the end of the sandbox: a kill -9 leaves the servers running, a stop ends them, both come back."""

from __future__ import annotations

import signal
import subprocess
from datetime import timedelta

import pytest
from azure.monitor.query import LogsQueryClient

from tests.wire.endpoints_lab import ENDPOINT, credential, lab, wait_for

pytestmark = pytest.mark.recovery

COUNT = "AmlOnlineEndpointTrafficLog | where UserAgent == 'before-the-end' | count"


@pytest.fixture(scope="module")
def tiny(make_sandbox):
    return lab(make_sandbox("--poll-after-ms", "50", "--ingestion-seconds", "0.2"), {"blue": 100})


def _logged(tiny):
    options = {"audience": "https://api.loganalytics.io", "connection_verify": str(tiny.sandbox.ca_file)}
    with LogsQueryClient(credential(tiny.sandbox, "mlops-console"), endpoint=tiny.sandbox.url, **options) as logs:
        result = logs.query_resource(tiny.endpoint_id, COUNT, timespan=timedelta(hours=1))
        return result.tables[0].rows[0][0]


def _answering(tiny):
    return tiny.score({"x": 1}, deployment="blue").status_code == 200


def test_servers_outlive_a_killed_sandbox_and_are_found_again(tiny):
    for _ in range(5):
        tiny.score({"x": 1}, **{"User-Agent": "before-the-end"})
    wait_for(lambda: _logged(tiny) == 5, 10, "the traffic log")
    before = {process.pid for process in tiny.servers()}
    starting = tiny.ml.online_deployments.begin_create_or_update(tiny.deployment("late", {"LAB_SLEEP": "4"}))
    wait_for(lambda: tiny.servers("late"), 10, "the start of a server")
    tiny.sandbox.kill()
    assert before <= {process.pid for process in tiny.servers()}
    tiny.sandbox.restart()
    wait_for(lambda: _answering(tiny), 10, "an answer after the restart")
    assert before <= {process.pid for process in tiny.servers()}
    assert _logged(tiny) == 5
    assert tiny.ml.online_endpoints.get(ENDPOINT).traffic["blue"] == 100

    def settled():
        return tiny.ml.online_deployments.get("late", ENDPOINT).provisioning_state == "Succeeded"

    wait_for(settled, 30, "the end of a creation that the kill interrupted")
    assert tiny.score({"x": 2}, deployment="late").json()["product"] == 6
    assert starting is not None


def test_server_that_nobody_recorded_is_ended_at_the_start(tiny):
    tiny.sandbox.kill()
    blue = tiny.sandbox.home / "servers" / "endpoints-lab" / ENDPOINT / "blue"
    app = next(blue.glob("*/app"))
    forgotten = subprocess.Popen(["sleep", "300"], cwd=app, start_new_session=True)
    tiny.sandbox.restart()
    assert forgotten.wait(timeout=10) == -signal.SIGTERM
    wait_for(lambda: _answering(tiny), 10, "an answer after the restart")


def test_stopped_sandbox_leaves_no_process_and_brings_them_back(tiny):
    assert tiny.sandbox.stop() == 0
    assert tiny.servers() == []
    tiny.sandbox.restart()
    wait_for(lambda: _answering(tiny), 30, "the servers' return")
    assert _logged(tiny) == 5
