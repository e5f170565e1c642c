"""The settings of a local world, written once its sandbox has told its secrets."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.accounts import PEOPLE, SIGN_IN_CLIENT_ID, SUBSCRIPTION, TENANT


@dataclass(frozen=True)
class Ports:
    console: int
    sandbox: int
    browser: int


def write_settings(home: Path, ports: Ports) -> dict[str, dict[str, Any]]:
    """Write `<home>/mlops.toml` (0600) and answer the sandbox's program secrets by program name.

    Keys that protect stored data are kept from an earlier start: a new key would make people's tokens unreadable.
    """
    told: dict[str, dict[str, Any]] = json.loads((home / "sandbox" / "secrets.json").read_text())
    kept = _kept_keys(home / "keys.json")
    text = _toml(home, ports, told, kept)
    path = home / "mlops.toml"
    temporary = home / "mlops.toml.new"
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(path)
    return told


def service_environment(home: Path, told: dict[str, dict[str, Any]], program: str) -> dict[str, str]:
    """The environment of one of our services: clean of the caller's cloud settings, signed in as `program`."""
    dropped = ("AZURE_", "GITHUB_", "MLOPS_", "MLFLOW_", "ARM_", "GIT_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **env,
        "MLOPS_HOME": str(home),
        "MLOPS_IDENTITY__CLIENT_ID": told[program]["client_id"],
        "MLOPS_IDENTITY__CLIENT_SECRET": told[program]["secret"],
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "localhost,127.0.0.1",
    }


def _kept_keys(path: Path) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    keys = {
        "token_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "cookie_secret": secrets.token_urlsafe(32),
        "webhook_secret": secrets.token_urlsafe(32),
    } | loaded
    path.touch(mode=0o600)
    path.write_text(json.dumps(keys))
    return keys


def _toml(home: Path, ports: Ports, told: dict[str, dict[str, Any]], kept: dict[str, str]) -> str:
    url, browser = f"https://localhost:{ports.sandbox}", f"http://127.0.0.1:{ports.browser}"
    sections: dict[str, dict[str, Any]] = {
        "": {
            "home": str(home),
            "environment_label": "Local, simulated patients",
            "token_key": kept["token_key"],
            "default_project": "diabetes",
        },
        "identity": {
            "tenant_id": TENANT,
            "authority": url,
            "instance_discovery": False,
            "credential": "client_secret",
            "client_id": told["mlops-console"]["client_id"],
            "client_secret": told["mlops-console"]["secret"],
            "ci_dev_client_id": told["mlops-ci-dev"]["client_id"],
            "ci_prod_client_id": told["mlops-ci-prod"]["client_id"],
        },
        "signin": {
            "directory_url": f"{url}/v1.0",
            "metadata_url": f"{browser}/{TENANT}/v2.0/.well-known/openid-configuration",
            "client_id": SIGN_IN_CLIENT_ID,
            "client_secret": told.get("mlops-sign-in", {}).get("secret", ""),
            "cookie_secret": kept["cookie_secret"],
        },
        "cloud": {
            "metadata_url": f"{url}/metadata/endpoints?api-version=2019-05-01",
            "ca_bundle": str(home / "sandbox" / "tls" / "ca.pem"),
            "logs_endpoint": url,
            "metrics_endpoint": url,
        },
        "github": {
            "api_url": f"{url}/api/v3",
            "web_url": browser,
            "login_url": url,
            "actions_issuer": f"{url}/actions/oidc",
            "client_id": told["github"]["client_id"],
            "client_secret": told["github"]["client_secret"],
            "app_id": told["github"]["app_id"],
            "app_private_key": told["github"]["private_key"],
            "installation_id": told["github"]["installation_id"],
            "webhook_secret": kept["webhook_secret"],
        },
        "console": {"port": ports.console, "public_url": f"http://127.0.0.1:{ports.console}"},
        "projects.diabetes": {
            "repository": "hospital/diabetes",
            "subscription_id": SUBSCRIPTION,
            "resource_group": "diabetes",
            "region": "westeurope",
            "dev_workspace": "diabetes-dev",
            "prod_workspace": "diabetes-prod",
            "dev_data": "diabetes-dev",
            "prod_data": "diabetes-prod",
            "model": "diabetes-classifier",
            "environment": "diabetes-training",
            "endpoint": "diabetes-endpoint",
            "test_endpoint": "diabetes-test",
            "currency": "USD",
            "watch_every_minutes": 2,
            "labels_folder": str(home.resolve() / "sandbox" / "labels"),
        },
        # Invented, as is everything else here: what a page of prices would look like.
        "projects.diabetes.prices": {"Standard_DS2_v2": 0.14, "Standard_DS3_v2": 0.27},
        **{
            f"projects.diabetes.approval.people.{person.login}": {"emails": [person.email], "azure": [person.name]}
            for person in PEOPLE
        },
    }
    lines: list[str] = []
    for name, values in sections.items():
        lines += [f"\n[{name}]"] if name else []
        # A JSON string is a TOML basic string for the ASCII values written here.
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines).lstrip("\n") + "\n"
