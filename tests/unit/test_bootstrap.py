"""The wiring: quick, offline, and without the heavy SDKs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.bootstrap import build
from backend.bootstrap_ci import build_ci
from backend.errors import ConfigurationError, CredentialsRejected, RemoteUnavailable
from backend.settings import Settings, load
from sandbox.accounts import TENANT
from tests.postgres import GUARDED

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("azure.ai.ml", "mlflow", "github", "azure.monitor.query", "azure.monitor.querymetrics", "azure.identity")
TEXT = f"""
[identity]
tenant_id = "{TENANT}"
authority = "https://localhost:9"
instance_discovery = false
credential = "client_secret"
client_id = "c"
client_secret = "s"
[signin]
metadata_url = "https://localhost:9/x"
client_id = "console"
[cloud]
metadata_url = "https://localhost:9/metadata/endpoints"
[github]
api_url = "https://localhost:9/api/v3"
installation_token = "ghs_x"
[projects.diabetes]
repository = "hospital/diabetes"
subscription_id = "s"
resource_group = "g"
region = "westeurope"
dev_workspace = "dev"
prod_workspace = "prod"
dev_data = "dev"
prod_data = "prod"
model = "m"
environment = "e"
endpoint = "diabetes-endpoint"
test_endpoint = "diabetes-test"
"""


@pytest.fixture
def settings(monkeypatch, tmp_path) -> Settings:
    for name in ("ARM_CLOUD_METADATA_URL", "AZUREML_CURRENT_CLOUD", "REQUESTS_CA_BUNDLE", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # whatever the wiring sets is undone after the test
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path))
    monkeypatch.setenv("MLOPS_TOML", TEXT)
    return load()


def test_building_reaches_no_service(settings):
    backend = build(settings)
    assert backend.people.github_login("lead") is None
    assert backend.promotions.recent() == ()
    assert backend.ledger.verify().whole
    assert (settings.home / "console.db").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_service_that_is_away_is_told_as_unavailable(settings):
    backend = build(settings)
    for read in (backend.reviews.pulls, backend.models.versions, lambda: backend.endpoints.show("diabetes-endpoint")):
        with pytest.raises(RemoteUnavailable, match="could not"):
            read()
    # The SDK would go on with the public cloud when the private one does not answer.
    assert os.environ.get("AZUREML_CURRENT_CLOUD") != "AzureCloud"


def test_a_workflow_needs_no_database(settings):
    parts = build_ci(settings, "dev")
    assert parts.workspace.name == "dev"
    with pytest.raises(CredentialsRejected, match="No GitHub token is set"):
        parts.checks.of("a" * 40)
    assert not (settings.home / "console.db").exists()


def test_a_credential_that_cannot_work_is_named(settings, monkeypatch):
    for change, setting in (
        ({"client_id": ""}, "identity.client_id"),
        ({"client_secret": ""}, "identity.client_secret"),
        ({"credential": "github_oidc", "client_id": ""}, "identity.client_id"),
    ):
        for name, value in change.items():
            monkeypatch.setenv(f"MLOPS_IDENTITY__{name.upper()}", value)
        with pytest.raises(ConfigurationError) as caught:
            build(load())
        assert caught.value.setting == setting
        for name in change:
            monkeypatch.delenv(f"MLOPS_IDENTITY__{name.upper()}")


@pytest.mark.parametrize("process", ["worker", "console"])
def test_a_process_without_a_way_to_its_database_ends_with_the_reason_and_no_password(cluster, tmp_path, process):
    env = {
        **os.environ,
        "MLOPS_HOME": str(tmp_path),
        "MLOPS_TOML": TEXT,
        "MLOPS_DATABASE_URL": cluster.url("empty", GUARDED, "s3cr3t"),
        "MLOPS_SIGNIN__COOKIE_SECRET": "x" * 32,
    }
    command = [sys.executable, "-m", "backend", process]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 78, done.stderr
    assert "store.url: cannot connect to 'empty'" in done.stderr
    assert 'password authentication failed for user "guarded"' in done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("backend.bootstrap", (*HEAVY, "numpy")),
        # Wrong usage and wrong settings are told before anything is wired.
        ("backend.cli.promote", (*HEAVY, "numpy", "sqlalchemy", "backend.bootstrap")),
    ],
)
def test_the_heavy_sdks_wait_until_they_are_used(module, heavy):
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
