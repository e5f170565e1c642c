"""The scoring script inside Microsoft's inference server, over real sockets."""

from __future__ import annotations

import concurrent.futures
import http.client
import http.server
import json
import os
import socket
import subprocess
import threading
import time
import typing
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = os.environ.get("MLOPS_RUNTIME_PYTHON") or str(ROOT / ".venv" / "runtime" / "bin" / "python")
SERVE = "import sys; from azureml_inference_server_http import amlserver_linux as server; "
SERVE += "server.run('127.0.0.1', int(sys.argv[1]), 1)"
ROW = {
    "Pregnancies": 2,
    "PlasmaGlucose": 108,
    "DiastolicBloodPressure": 70,
    "TricepsThickness": 30,
    "SerumInsulin": 90,
    "BMI": 31.5,
    "DiabetesPedigree": 0.3,
    "Age": 34,
}


def _command(*arguments):
    done = subprocess.run(
        [RUNTIME, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def _server(port, folder, log, **changes):
    environment = {
        **os.environ,
        "AML_APP_ROOT": str(ROOT),
        "AZUREML_ENTRY_SCRIPT": str(ROOT / "training" / "score.py"),
        "AZUREML_MODEL_DIR": str(folder),
        "MLOPS_THRESHOLD": "0.4",
        "MLOPS_MODEL_VERSION": "12",
        **changes,
    }
    with log.open("wb") as file:
        return subprocess.Popen(
            [RUNTIME, "-c", SERVE, str(port)], cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT
        )


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Serving:
    """A started server and what was trained for it."""

    port: int
    digest: str
    log: Path

    def post(self, body, headers=None, method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, "/score", body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, json.loads(response.read())
        finally:
            connection.close()

    def score(self, *rows, headers=None):
        return self.post(json.dumps({"rows": rows}), headers)


def _wait_until_alive(process, port, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"not alive within 60 s:\n{log.read_text()}")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained model, mounted the way Azure mounts one; with its digest."""
    home = tmp_path_factory.mktemp("trained")
    _command("-m", "training.cohort", "--rows", 2000, "--seed", 4, "--out", home / "cohort.csv")
    model = home / "mount" / "diabetes-classifier" / "12"
    places = ("--model-dir", model, "--evidence-dir", home / "evidence")
    _command("-m", "training.train", "--data", home / "cohort.csv", *places)
    return home / "mount", json.loads((home / "evidence" / "model.json").read_text())["digest"]


@pytest.fixture(scope="module")
def serving(trained, tmp_path_factory):
    folder, digest = trained
    log = tmp_path_factory.mktemp("server") / "log.txt"
    port = _free_port()
    process = _server(port, folder, log)
    try:
        _wait_until_alive(process, port, log)
        yield Serving(port, digest, log)
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_each_answer_is_told_to_the_log_but_for_probes(serving):
    def told():
        return serving.log.read_text().count("mlops-scores ")

    before = told()
    assert serving.score(ROW, headers={"User-Agent": "mlops-probe/1"})[0] == 200
    assert serving.score(ROW, ROW, headers={"User-Agent": "ward/1"})[0] == 200
    deadline = time.monotonic() + 20
    while told() < before + 1:
        assert time.monotonic() < deadline, serving.log.read_text()
        time.sleep(0.05)
    assert told() == before + 1
    assert serving.score({**ROW, "Age": -4}, headers={"User-Agent": "ward/1"})[0] == 400
    while 'mlops-refused {"field":"Age"}' not in serving.log.read_text():
        assert time.monotonic() < deadline, serving.log.read_text()
        time.sleep(0.05)
    line = next(x for x in reversed(serving.log.read_text().splitlines()) if "mlops-scores " in x)
    assert len(json.loads(line.partition("mlops-scores ")[2])["risks"]) == 2


def test_an_answer_carries_the_release(serving):
    status, headers, body = serving.score(ROW, {**ROW, "Age": 70, "Pregnancies": 9}, headers={"x-request-id": "call-7"})
    assert status == 200
    assert body["request_id"] == "call-7"
    assert (body["model_version"], body["threshold"], body["digest"]) == ("12", 0.4, serving.digest)
    assert headers["x-ms-run-function-failed"] == "False"
    for prediction in body["predictions"]:
        assert prediction["decision"] == ("positive" if prediction["probability"] >= 0.4 else "negative")
    assert body["predictions"][0]["probability"] < body["predictions"][1]["probability"]


def test_the_servers_own_request_id_is_answered_when_the_caller_has_none(serving):
    _, headers, body = serving.score(ROW)
    assert len(body["request_id"]) == 36
    assert headers["x-request-id"]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({name: value for name, value in ROW.items() if name != "BMI"}, "BMI"),
        ({**ROW, "Age": "forty"}, "Age"),
        ({**ROW, "SerumInsulin": float("nan")}, "SerumInsulin"),
        ({**ROW, "PatientID": 1}, "PatientID"),
        ({**ROW, "BMI": 100_000}, "BMI"),
    ],
)
def test_bad_input_is_a_400_that_names_field_and_row(serving, row, field):
    status, headers, body = serving.score(ROW, row)
    assert status == 400
    assert (body["error"]["code"], body["error"]["field"], body["error"]["row"]) == ("InvalidInput", field, 1)
    assert headers["x-ms-run-function-failed"] == "False"


def test_what_is_not_json_is_a_400(serving):
    assert serving.post(b"\x00\xff")[0] == 400
    assert serving.post(b"")[0] == 400


def test_another_method_is_refused(serving):
    assert serving.post(None, method="GET")[0] == 405


def test_ten_megabytes_are_refused_in_words_and_do_no_harm(serving):
    status, _, body = serving.post(b" " * 10_000_000)
    assert status == 400
    assert "larger than 1048576 bytes" in body["error"]["message"]
    assert serving.score(ROW)[0] == 200


def test_a_body_without_a_length_is_limited_too(serving):
    chunks = (b" " * 65_536 for _ in range(40))
    status, _, body = serving.post(chunks)
    assert status == 400
    assert "larger than" in body["error"]["message"]


def test_four_at_once_get_their_own_answers(serving):
    rows = [{**ROW, "Age": 20 + place} for place in range(40)]
    alone = [serving.score(row)[2]["predictions"] for row in rows]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(
            pool.map(
                lambda numbered: serving.score(numbered[1], headers={"x-request-id": f"c{numbered[0]}"}),
                enumerate(rows),
            )
        )
    assert [status for status, _, _ in together] == [200] * 40
    assert [body["request_id"] for _, _, body in together] == [f"c{place}" for place in range(40)]
    assert [body["predictions"] for _, _, body in together] == alone


def test_no_value_of_a_request_is_logged(serving):
    serving.score({**ROW, "SerumInsulin": 777.125})
    serving.score({**ROW, "SerumInsulin": "secret-text"})
    log = serving.log.read_text()
    assert "POST /score 200" in log
    assert "777.125" not in log
    assert "secret-text" not in log


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MLOPS_THRESHOLD": "1.5"}, "MLOPS_THRESHOLD must lie between 0 and 1"),
        ({"MLOPS_MODEL_VERSION": ""}, "MLOPS_MODEL_VERSION is not set"),
        ({"AZUREML_MODEL_DIR": "/nowhere"}, "0 folders with an MLmodel file"),
    ],
)
def test_a_release_that_cannot_serve_ends_the_server_with_its_reason(trained, tmp_path, changes, words):
    log = tmp_path / "log.txt"
    process = _server(_free_port(), trained[0], log, **changes)
    try:
        assert process.wait(timeout=60) != 0
    finally:
        process.kill()
        process.wait(timeout=10)
    assert words in log.read_text()


class Sidecar(http.server.BaseHTTPRequestHandler):
    """What Azure runs beside the server: keeps each table that is posted, with its headers."""

    kept: typing.ClassVar[list] = []

    def do_POST(self):
        self.kept.append(
            (self.path, dict(self.headers), json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        )
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collecting(trained, tmp_path):
    """The same server in a deployment that collects all calls."""
    sidecar = http.server.HTTPServer(("127.0.0.1", 0), Sidecar)
    threading.Thread(target=sidecar.serve_forever, daemon=True).start()
    told = tmp_path / "collector.json"
    told.write_text(json.dumps({"collections": {"model_inputs_outputs": {"enabled": True}}}))
    port, log = _free_port(), tmp_path / "log.txt"
    where = {"AZUREML_MDC_CONFIG_PATH": str(told), "AZUREML_MDC_PORT": str(sidecar.server_port)}
    process = _server(port, trained[0], log, **where)
    try:
        _wait_until_alive(process, port, log)
        yield Serving(port, trained[1], log)
    finally:
        process.terminate()
        process.wait(timeout=20)
        sidecar.shutdown()
        sidecar.server_close()


def test_answered_rows_are_collected_without_the_caller_and_probes_and_refusals_are_not(collecting):
    assert collecting.score(ROW, headers={"User-Agent": "mlops-probe/1"})[0] == 200
    assert collecting.score({**ROW, "PatientID": 4711})[0] == 400
    bodies = [
        collecting.score({**ROW, "Age": age}, headers={"x-request-id": f"patient-4711-{age}", "User-Agent": "ward/1"})
        for age in (41, 62)
    ]
    deadline = time.monotonic() + 30
    while sum(len(rows) for _, _, rows in Sidecar.kept) < 2:
        assert time.monotonic() < deadline, collecting.log.read_text()
        time.sleep(0.05)
    rows = [row for _, _, found in Sidecar.kept for row in found]
    bands = {"band_age", "band_pregnancies", "band_bmi"}
    assert [row["Age"] for row in rows] == [41, 62]
    assert all(row.keys() == {*ROW, *bands, "probability", "decision", "version", "request", "row"} for row in rows)
    assert [row["band_age"] for row in rows] == ["30 to 44", "60 and over"]
    for row, (_, _, body) in zip(rows, bodies, strict=True):
        assert row["probability"] == pytest.approx(body["predictions"][0]["probability"], abs=1e-9)
        assert (row["decision"], row["version"]) == (body["predictions"][0]["decision"], "12")
    assert {path for path, _, _ in Sidecar.kept} == {"/modeldata/log"}
    assert {headers["ce-type"] for _, headers, _ in Sidecar.kept} == {"azureml.inference.model_inputs_outputs"}
    told = json.dumps(Sidecar.kept)
    assert all(word not in told for word in ("patient-4711", "PatientID", "ward/1"))
