"""Practitioners ask a real HTTPS server, with production's rows and key, and never faster than told."""

from __future__ import annotations

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.accounts import SUBSCRIPTION
from sandbox.arm import resources
from sandbox.blob.files import BLOBSTORE, account_name, blob_path
from sandbox.control.patients import Visit, find_target, read_visits
from sandbox.control.practitioners import Practitioners
from sandbox.control.rate import FASTEST, Rate, write_rate
from sandbox.endpoints.directory import ADDRESS, KEYS
from sandbox.state.ca import ensure_certificates
from sandbox.world import Settings, open_world

PROVIDER = "Microsoft.MachineLearningServices"
WORKSPACE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/diabetes/providers/{PROVIDER}/workspaces/diabetes-prod"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/diabetes-endpoint"
TABLE = "PatientID,Pregnancies,PlasmaGlucose,BMI,Diabetic\n1354778,0,171,43.5,0\n1147438,8,92,21.25,1\n"
ROWS = [{"Pregnancies": 0, "PlasmaGlucose": 171, "BMI": 43.5}, {"Pregnancies": 8, "PlasmaGlucose": 92, "BMI": 21.25}]


class Scoring(ThreadingHTTPServer):
    """An endpoint that writes down what it is asked; `status` is what it answers, after `seconds`."""

    daemon_threads = True

    def __init__(self, home):
        super().__init__(("127.0.0.1", 0), Answer)
        certificates = ensure_certificates(home / "tls")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.chain, certificates.key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.status = 200
        self.seconds = 0.0
        self.asked = []
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((time.monotonic(), dict(self.headers), body))
        time.sleep(self.server.seconds)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments):
        return


@pytest.fixture
def world(tmp_path):
    opened = open_world(Settings(home=tmp_path, runtime_python=None, runner_python=None))
    yield opened
    opened.documents.close()
    opened.events.close()


@pytest.fixture
def scoring(tmp_path):
    server = Scoring(tmp_path)
    yield server
    server.close()


@pytest.fixture
def practitioners(world):
    own = Practitioners(world, seed=7)
    yield own
    own.stop()


def _furnish(world, scoring, traffic):
    """Production as its services leave it: a workspace with data in its store, an endpoint with a key."""
    account = account_name("diabetes-prod")
    path = blob_path(world, account, BLOBSTORE, "data/cohort.csv")
    path.parent.mkdir(parents=True)
    path.write_text(TABLE)
    resources.put(world, WORKSPACE, {"properties": {}})
    store = {"accountName": account, "containerName": BLOBSTORE}
    resources.put(world, f"{WORKSPACE}/datastores/workspaceblobstore", {"properties": store})
    uri = f"azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/diabetes/workspaces/diabetes-prod"
    data = {"dataUri": f"{uri}/datastores/workspaceblobstore/paths/data/cohort.csv", "dataType": "uri_file"}
    resources.put(world, f"{WORKSPACE}/data/diabetes-prod/versions/1", {"properties": data})
    properties = {"scoringUri": f"https://localhost:{scoring.server_port}/score", "traffic": traffic}
    resources.put(world, ENDPOINT, {"properties": properties})
    world.documents.put(ADDRESS, "diabetes-prod/diabetes-endpoint", {"id": ENDPOINT})
    world.documents.put(KEYS, ENDPOINT.lower(), {"primaryKey": "the-key", "secondaryKey": "other"})


def _wait(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_nobody_is_asked_while_nothing_serves(world, scoring):
    assert find_target(world) is None
    _furnish(world, scoring, {"v1-abcd": 0})
    assert find_target(world) is None
    resources.update(
        world, ENDPOINT, lambda body: body | {"properties": body["properties"] | {"traffic": {"v1-abcd": 100}}}
    )
    assert find_target(world).scoring_uri.endswith("/score")


def test_rows_carry_neither_patient_nor_outcome(world, scoring):
    _furnish(world, scoring, {"v1-abcd": 100})
    visits = read_visits(world, find_target(world).data_id)
    assert [visit.row for visit in visits] == ROWS
    assert [visit.ill for visit in visits] == [False, True]
    (world.settings.home / "visits.csv").write_text("PatientID,BMI,Diabetic\n1,30,1\n")
    assert read_visits(world, find_target(world).data_id) == [Visit({"BMI": 30}, ill=True)]


def test_requests_are_real_and_carry_key_and_user_agent(world, scoring, practitioners):
    _furnish(world, scoring, {"v1-abcd": 100})
    write_rate(world, Rate().held_at(FASTEST, world.now()))
    practitioners.start()
    _wait(lambda: practitioners.activity().answered >= 10)
    for _, headers, body in scoring.asked:
        assert headers["User-Agent"] == "practitioner-app/2.4"
        assert headers["Authorization"] == "Bearer the-key"
        assert len(body["rows"]) == 1
        assert body["rows"][0] in ROWS
    activity = practitioners.activity()
    assert activity.asking
    assert activity.errors == 0
    first, last = scoring.asked[0][0], scoring.asked[-1][0]
    assert (len(scoring.asked) - 1) / (last - first) <= FASTEST * 1.1


def test_errors_are_counted_and_shown(world, scoring, practitioners):
    _furnish(world, scoring, {"v1-abcd": 100})
    scoring.status = 503
    write_rate(world, Rate().held_at(FASTEST, world.now()))
    practitioners.start()
    _wait(lambda: practitioners.activity().errors >= 3)
    activity = practitioners.activity()
    assert activity.answered == 0
    assert activity.last_error == "HTTP 503: {}"
    assert activity.last_error_at is not None


def test_broken_data_is_an_error_and_not_the_end(world, scoring, practitioners):
    _furnish(world, scoring, {"v1-abcd": 100})
    path = blob_path(world, account_name("diabetes-prod"), BLOBSTORE, "data/cohort.csv")
    path.write_text("PatientID,BMI,Diabetic\n1,heavy,0\n")
    write_rate(world, Rate().held_at(FASTEST, world.now()))
    practitioners.start()
    _wait(lambda: practitioners.activity().errors >= 1)
    assert "heavy" in practitioners.activity().last_error
    path.write_text(TABLE)
    _wait(lambda: practitioners.activity().answered >= 1)


def test_stopping_waits_for_the_question_that_is_being_asked(world, scoring, practitioners):
    """Else its connection is opened after the others were closed, and nobody closes it."""
    _furnish(world, scoring, {"v1-abcd": 100})
    scoring.seconds = 0.3
    write_rate(world, Rate().held_at(FASTEST, world.now()))
    practitioners.start()
    _wait(lambda: scoring.asked)
    practitioners.stop()
    activity = practitioners.activity()
    assert activity.sent == activity.answered + activity.errors
    assert activity.errors == 0
