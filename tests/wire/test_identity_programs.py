"""Programs sign in with azure-identity, unmodified: by secret, and by a workflow's own token."""

from __future__ import annotations

import json
import ssl
import time

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, ClientSecretCredential, DeviceCodeCredential

from sandbox.accounts import TENANT
from sandbox.identity.tokens import authenticate, issue_access_token, issue_workflow_request_token
from sandbox.world import Settings, open_world

MANAGEMENT = "https://management.azure.com/.default"
DEV_SUBJECT = "repo:hospital@1/diabetes@7:pull_request"
MAIN_SUBJECT = "repo:hospital@1/diabetes@7:ref:refs/heads/main"


@pytest.fixture(scope="module")
def http(sandbox):
    with httpx.Client(base_url=sandbox.url, verify=_trust(sandbox), timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def world(sandbox):
    """The same home, read beside the running process: to make the request tokens that Actions would hand to a job."""
    settings = Settings(
        home=sandbox.home, port=sandbox.port, browser_port=sandbox.browser_port, runtime_python=None, runner_python=None
    )
    opened = open_world(settings)
    yield opened
    opened.documents.close()
    opened.events.close()


def _trust(sandbox):
    return ssl.create_default_context(cafile=sandbox.ca_file)


def _secret_credential(sandbox, program="mlops-worker", secret=None):
    told = sandbox.secrets[program]
    return ClientSecretCredential(
        TENANT,
        told["client_id"],
        secret or told["secret"],
        authority=sandbox.url,
        disable_instance_discovery=True,
        connection_verify=str(sandbox.ca_file),
    )


def _assertion_credential(sandbox, program, assertion):
    return ClientAssertionCredential(
        TENANT,
        sandbox.secrets[program]["client_id"],
        lambda: assertion,
        authority=sandbox.url,
        disable_instance_discovery=True,
        connection_verify=str(sandbox.ca_file),
    )


def _workflow_token(http, world, subject, audience="api://AzureADTokenExchange"):
    request_token = issue_workflow_request_token(world, {"sub": subject, "repository": "hospital/diabetes"})
    answer = http.get(
        "/actions/oidc/token?api-version=2.0",
        params={"api-version": "2.0", "audience": audience},
        headers={"Authorization": f"Bearer {request_token}"},
    )
    assert answer.status_code == 200
    return answer.json()["value"]


@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        ("https://management.azure.com/.default", "https://management.azure.com"),
        ("https://management.azure.com//.default", "https://management.azure.com/"),
        ("https://ml.azure.com/.default", "https://ml.azure.com"),
        ("api://diabetes/.default", "api://diabetes"),
    ],
)
def test_secret_gives_a_token_for_the_audience_of_the_scope(sandbox, world, scope, audience):
    with _secret_credential(sandbox) as credential:
        token = credential.get_token(scope)
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["aud"] == audience
    assert claims["tid"] == TENANT
    assert claims["oid"] == claims["sub"]
    assert 3500 < token.expires_on - time.time() <= 3600
    principal = authenticate(world, f"Bearer {token.token}")
    assert (principal.kind, principal.name, principal.may_write_endpoints) == ("program", "mlops-worker", True)


def test_published_keys_verify_the_token(sandbox, http):
    with _secret_credential(sandbox) as credential:
        token = credential.get_token(MANAGEMENT).token
    metadata = http.get(f"/{TENANT}/v2.0/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(http.get(metadata["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key.key, algorithms=["RS256"], audience="https://management.azure.com")
    assert claims["iss"] == metadata["issuer"] == f"{sandbox.url}/{TENANT}/v2.0"


def test_wrong_secret_is_refused_with_entras_number(sandbox):
    with (
        _secret_credential(sandbox, secret="not-the-secret") as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215: Invalid client secret") as refusal,
    ):
        credential.get_token(MANAGEMENT)
    assert "Correlation ID: " in str(refusal.value)
    assert "not-the-secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"client_id": "a1b2c3d4-0000-4000-8000-000000000000"}, 400, "AADSTS700016"),
        ({"client_id": None}, 400, "AADSTS900144"),
        ({"client_secret": None}, 401, "AADSTS7000218"),
        ({"scope": None}, 400, "AADSTS900144"),
        ({"scope": "https://management.azure.com/user_impersonation"}, 400, "AADSTS1002012"),
        ({"grant_type": "password"}, 400, "AADSTS70003"),
        ({"grant_type": None}, 400, "AADSTS900144"),
    ],
)
def test_malformed_request_is_refused(sandbox, http, change, status, code):
    told = sandbox.secrets["mlops-worker"]
    form = {"client_id": told["client_id"], "client_secret": told["secret"], "scope": MANAGEMENT}
    form |= {"grant_type": "client_credentials"} | change
    correlation = "8f6f3f0e-0000-4000-8000-000000000001"
    answer = http.post(
        f"/{TENANT}/oauth2/v2.0/token",
        data={name: value for name, value in form.items() if value is not None},
        headers={"client-request-id": correlation},
    )
    assert answer.status_code == status
    body = answer.json()
    assert body["error_description"].startswith(f"{code}: ")
    assert body["error_codes"] == [int(code.removeprefix("AADSTS"))]
    assert body["correlation_id"] == correlation
    assert body["trace_id"] in body["error_description"]


def test_foreign_tenant_is_not_found(http):
    answer = http.get("/11111111-2222-4333-8444-555555555555/v2.0/.well-known/openid-configuration")
    assert answer.status_code == 400
    assert "AADSTS90002" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("program", "subject", "workspaces"),
    [
        ("mlops-ci-dev", DEV_SUBJECT, ("diabetes-dev",)),
        ("mlops-ci-prod", MAIN_SUBJECT, ("diabetes-prod",)),
    ],
)
def test_workflow_becomes_the_program_that_trusts_it(sandbox, http, world, program, subject, workspaces):
    with _assertion_credential(sandbox, program, _workflow_token(http, world, subject)) as credential:
        token = credential.get_token(MANAGEMENT).token
    principal = authenticate(world, f"Bearer {token}")
    assert (principal.name, principal.workspaces, principal.may_write_endpoints) == (program, workspaces, False)


@pytest.mark.parametrize(
    ("program", "subject", "code"),
    [
        ("mlops-ci-prod", DEV_SUBJECT, "AADSTS700213"),
        ("mlops-ci-dev", MAIN_SUBJECT, "AADSTS700213"),
        ("mlops-ci-prod", "repo:hospital@1/diabetes@7:ref:refs/heads/main-2", "AADSTS700213"),
        ("mlops-ci-prod", "repo:hospital@1/other@8:ref:refs/heads/main", "AADSTS700213"),
        ("mlops-ci-prod", "repo:intruder@2/diabetes@7:ref:refs/heads/main", "AADSTS700213"),
        ("mlops-worker", MAIN_SUBJECT, "AADSTS70025"),
    ],
)
def test_other_workflow_is_refused(sandbox, http, world, program, subject, code):
    assertion = _workflow_token(http, world, subject)
    with (
        _assertion_credential(sandbox, program, assertion) as credential,
        pytest.raises(ClientAuthenticationError, match=f"{code}: "),
    ):
        credential.get_token(MANAGEMENT)


def test_workflow_token_for_another_audience_is_refused(sandbox, http, world):
    assertion = _workflow_token(http, world, DEV_SUBJECT, audience="https://github.com/hospital")
    with (
        _assertion_credential(sandbox, "mlops-ci-dev", assertion) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS700212: "),
    ):
        credential.get_token(MANAGEMENT)


def test_assertion_signed_by_somebody_else_is_refused(sandbox, http, world):
    claims = jwt.decode(_workflow_token(http, world, DEV_SUBJECT), options={"verify_signature": False})
    forged = jwt.encode(claims, "a-secret-that-is-long-enough-for-hs256", algorithm="HS256")
    with (
        _assertion_credential(sandbox, "mlops-ci-dev", forged) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS700027: "),
    ):
        credential.get_token(MANAGEMENT)


def test_workflow_token_names_its_run_and_needs_the_request_token(http, world):
    claims = jwt.decode(_workflow_token(http, world, DEV_SUBJECT), options={"verify_signature": False})
    assert claims["sub"] == DEV_SUBJECT
    assert claims["repository"] == "hospital/diabetes"
    issuer = http.get("/actions/oidc/.well-known/openid-configuration").json()
    assert claims["iss"] == issuer["issuer"]
    assert http.get(issuer["jwks_uri"]).json()["keys"][0]["alg"] == "RS256"
    for header in ({}, {"Authorization": "Bearer nonsense"}):
        assert http.get("/actions/oidc/token", headers=header).status_code == 401


def test_access_token_is_no_workflow_request_token(sandbox, http):
    with _secret_credential(sandbox) as credential:
        token = credential.get_token(MANAGEMENT).token
    assert http.get("/actions/oidc/token", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_expired_token_opens_nothing(world):
    assert authenticate(world, f"Bearer {issue_access_token(world, 'mlops-worker', 'x', 60)}") is not None
    assert authenticate(world, f"Bearer {issue_access_token(world, 'mlops-worker', 'x', -1)}") is None


def test_person_signs_in_on_a_terminal_with_azure_identity(sandbox, world):
    shown = []

    def prompt(_address, user_code, _expires):
        shown.append(user_code)
        answer = httpx.post(
            f"{sandbox.browser_url}/control/device", json={"user_code": user_code, "account": "lead"}, timeout=20
        )
        assert answer.json() == {"user_code": user_code, "account": "lead", "granted": True}

    with DeviceCodeCredential(
        tenant_id=TENANT,
        authority=sandbox.url,
        disable_instance_discovery=True,
        connection_verify=str(sandbox.ca_file),
        prompt_callback=prompt,
    ) as credential:
        token = credential.get_token(MANAGEMENT)
        again = credential.get_token(MANAGEMENT)
    assert len(shown) == 1
    assert again.token == token.token
    principal = authenticate(world, f"Bearer {token.token}")
    assert (principal.kind, principal.name, principal.roles) == ("person", "lead", ("lead",))


def test_cloud_metadata_describes_this_port(sandbox, http):
    (cloud,) = http.get("/metadata/endpoints?api-version=2019-05-01").json()
    assert cloud["resourceManager"] == f"{sandbox.url}/"
    assert cloud["suffixes"]["storage"] == f"x@localhost:{sandbox.port}"
    assert json.dumps(cloud).count(sandbox.url) == 3
