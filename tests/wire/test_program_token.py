"""A process that lives longer than its token: azure-identity renews it for every client, and says when it cannot."""

from __future__ import annotations

import time

import httpx
import pytest
from azureml_lab import NOISE
from gateways_world import PROJECT, settings_of

from backend.bootstrap import connect
from backend.errors import CredentialsRejected, RemoteUnavailable
from backend.gateways.azureml.arm import GROUP_VERSION, ArmResources
from backend.gateways.azureml.foundation import Foundation, WorkspaceParts
from backend.gateways.azureml.models import Models
from backend.gateways.azureml.runs import Runs
from sandbox.accounts import SUBSCRIPTION, TENANT
from tests.journal import requests_of

pytestmark = [pytest.mark.filterwarnings(line) for line in NOISE]
SECONDS = 10
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{PROJECT.resource_group}"


@pytest.fixture(scope="module")
def world(make_sandbox):
    return make_sandbox("--entra-token-seconds", str(SECONDS), "--poll-after-ms", "50")


@pytest.fixture(scope="module")
def gateways(world, tmp_path_factory):
    made = connect(settings_of(world, tmp_path_factory.mktemp("ours")))
    ArmResources(made.prod).put(GROUP, GROUP_VERSION, {"location": PROJECT.region})
    parts = WorkspaceParts(PROJECT.region)
    Foundation(made.prod).create_workspace(parts, PROJECT.resource_group, "of this test")
    answered(made)  # the first request of all starts the tracking server, which takes its time
    return made


def tokens(world):
    """How often Entra was asked for one."""
    return len(requests_of(world, service="identity", contains=f"/{TENANT}/oauth2/v2.0/token"))


def reads(gateways):
    """One read by each kind of client: ARM by ourselves, azure-ai-ml, the tracking API."""
    assert ArmResources(gateways.prod).get(GROUP, GROUP_VERSION)
    return Models(gateways.prod).versions(PROJECT.model), Runs(gateways.prod).page(None, 100)[0]


def answered(gateways):
    """Wait until every read gets its answer."""
    end = time.monotonic() + 90
    while True:
        try:
            return reads(gateways)
        except RemoteUnavailable:
            assert time.monotonic() < end, "the outage does not pass"
            time.sleep(0.2)


def refused(world, gateways, token):
    """Wait until this world takes the token no longer."""
    url, header = f"{world.url}{GROUP}?api-version={GROUP_VERSION}", {"Authorization": f"Bearer {token}"}
    end = time.monotonic() + 4 * SECONDS
    with httpx.Client(verify=gateways.prod.tls(), headers=header, timeout=20) as http:
        assert http.get(url).status_code == 200
        while http.get(url).status_code != 401:
            assert time.monotonic() < end, "the token does not end"
            time.sleep(0.2)


@pytest.mark.recovery
def test_every_client_goes_on_after_its_token_has_ended(world, gateways):
    assert reads(gateways) == ((), ())
    refused(world, gateways, gateways.prod.credential.get_token(f"{world.url}/.default").token)
    before = tokens(world)
    assert reads(gateways) == ((), ())
    assert tokens(world) > before


@pytest.mark.recovery
def test_a_renewal_that_cannot_be_had_is_an_outage_and_passes(world, gateways):
    refused(world, gateways, gateways.prod.credential.get_token(f"{world.url}/.default").token)
    faults = f"{world.browser_url}/control/faults"
    fault = {"service": "identity", "path": "/oauth2/v2.0/token", "status": 503, "retry_after": 1}
    httpx.post(faults, json=fault, timeout=20).raise_for_status()
    with pytest.raises(RemoteUnavailable):
        ArmResources(gateways.prod).get(GROUP, GROUP_VERSION)
    httpx.delete(faults, timeout=20).raise_for_status()
    # MSAL repeats a failed answer from memory for as long as the service said, a minute where it said nothing.
    answered(gateways)


def test_a_wrong_secret_is_told(world, tmp_path):
    settings = settings_of(world, tmp_path, PROJECT, secret="not the secret")
    started = time.monotonic()
    with pytest.raises(CredentialsRejected, match="identity"):
        Models(connect(settings).prod).versions(PROJECT.model)
    assert time.monotonic() - started < 20
