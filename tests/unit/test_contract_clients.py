"""The practice endpoint answers as the contract says, and the clients to copy run against it as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import httpx
import pytest
from playwright._impl._driver import compute_driver_executable

from backend.cli.practice import NEAREST, REHEARSE, Practice
from backend.domain.contract import Language, OfVersion
from backend.policy.contract.clients import client
from backend.policy.contract.openapi import openapi
from backend.policy.contract.schema import example_rows
from tests.contracts import CONTRACT

KEY = "a key of a practice"
OF = OfVersion(model="diabetes-classifier", version="12", digest="sha256:12", threshold=0.29, contract=CONTRACT)
ROWS = example_rows(CONTRACT)
RUN = {
    Language.CURL: ["bash"],
    Language.PYTHON: [sys.executable],
    Language.JAVASCRIPT: [compute_driver_executable()[0]],
}
"""Node comes with Playwright, so that the test needs none on the machine."""


@contextmanager
def serving():
    server = Practice(OF, CONTRACT, KEY, 0, openapi("practice", "", OF, CONTRACT, None))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def practice():
    with serving() as server:
        yield server


def ask(practice, rows, key=KEY, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = rows if isinstance(rows, bytes) else json.dumps({"rows": rows}).encode()
    return httpx.post(practice.url, content=content, headers={"Authorization": f"Bearer {key}", **named})


def test_the_examples_get_the_model_s_own_answers(practice):
    answer = ask(practice, ROWS, x_request_id="mine-1")
    body = answer.json()
    assert answer.status_code == 200
    assert [p["probability"] for p in body["predictions"]] == [e.probability for e in CONTRACT.examples]
    assert [p["decision"] for p in body["predictions"]] == [
        "positive" if e.probability >= 0.29 else "negative" for e in CONTRACT.examples
    ]
    assert (body["request_id"], body["model_version"], body["threshold"]) == ("mine-1", "practice-12", 0.29)
    assert answer.headers[NEAREST] == "0,1,2,3,4,5"


def test_another_row_gets_the_nearest_example_and_its_warning(practice):
    answer = ask(practice, [{**ROWS[2], "BMI": 95}])
    assert answer.headers[NEAREST] == "2"
    assert answer.json()["warnings"][0]["message"] == "BMI is outside 10 to 90 (kg/m²); check the unit"


def test_refusals_have_the_shape_of_the_endpoint_s(practice):
    refused = ask(practice, [{**ROWS[0], "SerumInsulin": None}])
    assert refused.status_code == 424
    assert refused.headers["ms-azureml-model-error-statuscode"] == "400"
    assert refused.headers["ms-azureml-model-error-reason"] == "SerumInsulin must be a number ( U/mL)"
    assert refused.json()["error"]["field"] == "SerumInsulin"
    assert ask(practice, ROWS, key="wrong").status_code == 401
    assert ask(practice, b"x" * 1_600_000).status_code == 413
    assert httpx.get(practice.url).status_code == 404
    assert httpx.get(practice.url.replace("/score", "/openapi.json")).json()["info"]["version"] == "12"
    busy = ask(practice, ROWS, **{REHEARSE: "429"})
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "1")


@pytest.mark.parametrize("language", Language)
def test_each_client_runs_as_it_is_copied(practice, language, tmp_path):
    done = run(language, practice.url, KEY, tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["predictions"][0]["probability"] == CONTRACT.examples[0].probability


@pytest.mark.parametrize("language", [Language.PYTHON, Language.JAVASCRIPT])
def test_a_wrong_key_is_told_with_its_status(practice, language, tmp_path):
    done = run(language, practice.url, "wrong", tmp_path)
    assert done.returncode != 0
    assert "answered 401: key_auth_access_denied" in done.stderr


def run(language, url, key, folder):
    """The client as somebody saves it."""
    file = folder / f"client.{language.suffix}"
    file.write_text(client(language, "practice", CONTRACT))
    return subprocess.run(
        [*RUN[language], str(file)], env={**os.environ, "MLOPS_URL": url, "MLOPS_KEY": key},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
