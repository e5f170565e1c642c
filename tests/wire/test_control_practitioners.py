"""Practitioners ask the production endpoint itself: a real server scores them, and an outage reaches them.

Production is furnished by the unmodified azure-ai-ml in a process of its own, because that SDK keeps its cloud in the
environment of a whole process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import httpx
import pytest

from sandbox.accounts import SUBSCRIPTION, TENANT

pytestmark = pytest.mark.recovery

FURNISH = """
import os, pathlib, ssl, sys, httpx
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (CodeConfiguration, Data, Environment, ManagedOnlineDeployment,
    ManagedOnlineEndpoint, Model, Workspace)
from azure.identity import ClientSecretCredential

url, ca, tenant, subscription, client_id, secret, folder = sys.argv[1:]
folder = pathlib.Path(folder)
credential = ClientSecretCredential(
    tenant, client_id, secret, authority=url, disable_instance_discovery=True, connection_verify=ca)
headers = {"Authorization": "Bearer " + credential.get_token(url + "/.default").token}
httpx.put(url + "/subscriptions/" + subscription + "/resourcegroups/diabetes?api-version=2021-04-01",
    json={"location": "westeurope"}, headers=headers, verify=ssl.create_default_context(cafile=ca)).raise_for_status()
ml = MLClient(credential, subscription, "diabetes", "diabetes-prod", enable_telemetry=False, show_progress=False)
ml.workspaces.begin_create(Workspace(name="diabetes-prod", resource_group="diabetes", location="westeurope")).result(60)
(folder / "model").mkdir()
(folder / "model" / "empty.json").write_text("{}")
(folder / "code").mkdir()
(folder / "code" / "score.py").write_text(
    "import json\\n"
    "def init():\\n    pass\\n"
    "def run(text):\\n    return {'fields': sorted(json.loads(text)['rows'][0])}\\n")
(folder / "cohort.csv").write_text("PatientID,Pregnancies,BMI,Diabetic\\n1354778,0,43.5,0\\n1147438,8,21.2,1\\n")
ml.data.create_or_update(Data(name="diabetes-prod", version="1", type="uri_file", path=str(folder / "cohort.csv")))
model = ml.models.create_or_update(Model(name="tiny", path=str(folder / "model"), type="custom_model"))
environment = ml.environments.create_or_update(Environment(name="tiny-env", version="1", image="mcr.example/tiny:1"))
name = "diabetes-endpoint"
ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name, auth_mode="key")).result(60)
ml.online_deployments.begin_create_or_update(ManagedOnlineDeployment(
    name="v1-abcd", endpoint_name=name, model=model, environment=environment, instance_count=1,
    instance_type="Standard_DS2_v2",
    code_configuration=CodeConfiguration(code=str(folder / "code"), scoring_script="score.py"))).result(120)
endpoint = ml.online_endpoints.get(name)
endpoint.traffic = {"v1-abcd": 100}
ml.online_endpoints.begin_create_or_update(endpoint).result(60)
"""


@pytest.fixture(scope="module")
def production(make_sandbox, tmp_path_factory):
    own = make_sandbox("--poll-after-ms", "50", "--ingestion-seconds", "0.2")
    told = own.secrets["mlops-setup"]
    arguments = [own.url, str(own.ca_file), TENANT, SUBSCRIPTION, told["client_id"], told["secret"]]
    metadata = f"{own.url}/metadata/endpoints?api-version=2019-05-01"
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FURNISH, *arguments, str(tmp_path_factory.mktemp("production"))],
        env=os.environ | {"ARM_CLOUD_METADATA_URL": metadata, "REQUESTS_CA_BUNDLE": str(own.ca_file)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return own


def test_busy_practitioners_score_and_reach_the_journal(production):
    with httpx.Client(base_url=production.browser_url, timeout=20) as browser:
        browser.post("/control/practitioners", json={"per_second": 20, "seconds": 300}).raise_for_status()
        state = _wait(browser, lambda found: found["answered"] >= 20)
        assert state["asking"]
        assert state["errors"] == 0, state["last_error"]

        requests = browser.get("/control/journal", params={"contains": "/scoring/", "limit": 20}).json()["requests"]
        assert {entry["user_agent"] for entry in requests} == {"practitioner-app/2.4"}
        assert {entry["status"] for entry in requests} == {200}
        assert {entry["path"] for entry in requests} == {"/scoring/diabetes-prod/diabetes-endpoint/score"}

        browser.post("/control/practitioners", json={"per_second": 0}).raise_for_status()
        time.sleep(0.5)
        before = browser.get("/control/practitioners").json()["sent"]
        time.sleep(2.5)
        assert browser.get("/control/practitioners").json()["sent"] == before


def test_outage_of_the_endpoint_is_counted_as_errors(production):
    with httpx.Client(base_url=production.browser_url, timeout=20) as browser:
        browser.post("/control/faults", json={"service": "endpoints", "path": "^/scoring/", "status": 503})
        browser.post("/control/practitioners", json={"per_second": 20, "seconds": 300})
        state = _wait(browser, lambda found: found["errors"] >= 3)
        assert state["last_error"].startswith("HTTP 503: ")
        assert "Last error at" in browser.get("/").text
        browser.delete("/control/faults")
        browser.post("/control/practitioners", json={"per_second": 0})


def _wait(browser, condition):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state = browser.get("/control/practitioners").json()
        if condition(state):
            return state
        time.sleep(0.1)
    raise AssertionError(f"it did not happen in time: {json.dumps(state)}")
