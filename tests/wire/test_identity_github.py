"""The GitHub App's user sign-in: web flow through PyGithub, device flow by HTTP, as our programs use them."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from github import BadCredentialsException, Github

from sandbox.accounts import SIGN_IN_CLIENT_ID, TENANT
from sandbox.identity.tokens import authenticate
from sandbox.world import Settings, open_world

CALLBACK = "http://127.0.0.1:8501/github/callback"
VERIFIER = "a-verifier-that-is-at-least-forty-three-characters-long"
CHALLENGE = "fHqnnK8JVGn9Act2vp52KGPBGNKHlxFsjRMgelmsfzI"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def browser(sandbox):
    with httpx.Client(base_url=sandbox.browser_url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def world(sandbox):
    """The same home, read beside the running process."""
    settings = Settings(
        home=sandbox.home, port=sandbox.port, browser_port=sandbox.browser_port, runtime_python=None, runner_python=None
    )
    opened = open_world(settings)
    yield opened
    opened.documents.close()
    opened.events.close()


@pytest.fixture
def application(sandbox):
    told = sandbox.secrets["github"]
    with Github(base_url=f"{sandbox.url}/api/v3", verify=str(sandbox.ca_file)) as client:
        yield client.get_oauth_application(told["client_id"], told["client_secret"])


def _consent(browser, client_id, account="lead", **change):
    parameters = {
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "state": "the-state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | change
    page = browser.get("/login/oauth/authorize", params=parameters)
    if page.status_code != 200:
        return page
    action = re.search(r'action="([^"]+)"', page.text).group(1).replace("&amp;", "&")
    return browser.post(action, data={"account": account})


def _returned(answer):
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def _exchange(sandbox, browser, **form):
    told = sandbox.secrets["github"]
    body = {"client_id": told["client_id"], "client_secret": told["client_secret"]} | form
    return browser.post("/login/oauth/access_token", data=body, headers=JSON).json()


def test_pygithub_exchanges_a_code_for_the_persons_token(sandbox, browser, application, world):
    returned = _returned(_consent(browser, sandbox.secrets["github"]["client_id"], account="deputy"))
    assert returned["state"] == "the-state"
    token = application.get_access_token(returned["code"], code_verifier=VERIFIER)
    assert token.token.startswith("ghu_")
    assert token.expires_in == 28_800
    principal = authenticate(world, f"token {token.token}")
    assert (principal.kind, principal.name) == ("person", "deputy")
    renewed = application.refresh_access_token(token.refresh_token)
    assert renewed.token != token.token
    assert authenticate(world, f"token {renewed.token}").name == "deputy"
    with pytest.raises(BadCredentialsException):
        application.get_access_token(returned["code"], code_verifier=VERIFIER)


def test_refreshing_rotates_and_ends_what_was_lent_before(sandbox, browser, world):
    code = _returned(_consent(browser, sandbox.secrets["github"]["client_id"]))["code"]
    first = _exchange(sandbox, browser, code=code, code_verifier=VERIFIER)
    assert (first["access_token"][:4], first["refresh_token"][:4]) == ("ghu_", "ghr_")
    assert (first["expires_in"], first["refresh_token_expires_in"]) == (28_800, 15_811_200)
    spend = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = _exchange(sandbox, browser, **spend)
    assert second["refresh_token"] != first["refresh_token"]
    assert authenticate(world, f"token {first['access_token']}") is None
    assert authenticate(world, f"token {second['access_token']}").name == "lead"
    assert _exchange(sandbox, browser, **spend)["error"] == "bad_refresh_token"
    assert authenticate(world, f"token {second['access_token']}").name == "lead"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"code": "invented"}, "bad_verification_code"),
        ({"client_secret": "wrong"}, "incorrect_client_credentials"),
        ({"client_id": "Iv1.unknown"}, "incorrect_client_credentials"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "ghr_invented"}, "bad_refresh_token"),
        ({"grant_type": DEVICE_GRANT, "device_code": "invented"}, "incorrect_device_code"),
    ],
)
def test_refusals_come_with_status_200(sandbox, browser, form, error):
    assert _exchange(sandbox, browser, **form)["error"] == error


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "another"}, "bad_verification_code"),
        ({}, "bad_verification_code"),
        ({"code_verifier": VERIFIER, "redirect_uri": "http://127.0.0.1:1/"}, "redirect_uri_mismatch"),
    ],
)
def test_stolen_code_is_worth_nothing(sandbox, browser, change, error):
    code = _returned(_consent(browser, sandbox.secrets["github"]["client_id"]))["code"]
    assert _exchange(sandbox, browser, code=code, **change)["error"] == error
    assert "access_token" not in _exchange(sandbox, browser, code=code, code_verifier=VERIFIER)


def test_entra_code_is_no_github_code(sandbox, browser):
    answer = browser.post(
        f"/{TENANT}/oauth2/v2.0/authorize",
        params={"client_id": SIGN_IN_CLIENT_ID, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"},
        data={"account": "lead"},
    )
    assert _exchange(sandbox, browser, code=_returned(answer)["code"])["error"] == "bad_verification_code"


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "Iv1.unknown"},
        {"redirect_uri": "https://evil.example/"},
        {"code_challenge_method": "plain"},
    ],
)
def test_unknown_app_or_address_gets_a_page_and_never_a_redirect(sandbox, browser, change):
    answer = _consent(browser, **{"client_id": sandbox.secrets["github"]["client_id"]} | change)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_person_may_deny(sandbox, browser):
    returned = _returned(_consent(browser, sandbox.secrets["github"]["client_id"], account=""))
    assert returned["error"] == "access_denied"
    assert returned["state"] == "the-state"


def test_answer_is_a_form_unless_json_is_asked_for(sandbox, browser):
    code = _returned(_consent(browser, sandbox.secrets["github"]["client_id"]))["code"]
    told = sandbox.secrets["github"]
    form = {"client_id": told["client_id"], "client_secret": told["client_secret"], "code": code}
    answer = browser.post("/login/oauth/access_token", data=form | {"code_verifier": VERIFIER})
    assert answer.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert parse_qs(answer.text)["token_type"] == ["bearer"]


def _begin(sandbox, browser):
    answer = browser.post(
        "/login/device/code", data={"client_id": sandbox.secrets["github"]["client_id"]}, headers=JSON
    )
    return answer.json()


def _poll(sandbox, browser, device_code):
    form = {"client_id": sandbox.secrets["github"]["client_id"], "grant_type": DEVICE_GRANT, "device_code": device_code}
    return browser.post("/login/oauth/access_token", data=form, headers=JSON).json()


def test_device_flow_waits_for_the_person(sandbox, browser, world):
    request = _begin(sandbox, browser)
    assert request["verification_uri"] == f"{sandbox.browser_url}/login/device"
    assert _poll(sandbox, browser, request["device_code"])["error"] == "authorization_pending"

    page = browser.get("/login/device", params={"user_code": request["user_code"].lower()})
    assert request["user_code"] in page.text
    done = browser.post("/login/device", data={"user_code": request["user_code"], "account": "scientist"})
    assert "acts as scientist" in done.text

    time.sleep(request["interval"])
    told = _poll(sandbox, browser, request["device_code"])
    assert authenticate(world, f"Bearer {told['access_token']}").name == "scientist"
    assert _poll(sandbox, browser, request["device_code"])["error"] == "incorrect_device_code"


def test_eager_terminal_is_slowed_down(sandbox, browser):
    request = _begin(sandbox, browser)
    _poll(sandbox, browser, request["device_code"])
    eager = _poll(sandbox, browser, request["device_code"])
    assert (eager["error"], eager["interval"]) == ("slow_down", request["interval"] + 5)


def test_denied_device_is_told_so(sandbox, browser):
    request = _begin(sandbox, browser)
    browser.post("/control/device", json={"user_code": request["user_code"], "account": ""})
    assert _poll(sandbox, browser, request["device_code"])["error"] == "access_denied"


@pytest.mark.parametrize("answer", [{"user_code": "NONE-SUCH", "account": "lead"}, {"account": "lead"}, {}])
def test_script_answering_no_request_is_told_so(browser, answer):
    refused = browser.post("/control/device", json=answer)
    assert refused.status_code == 404
    assert "No terminal waits" in refused.json()["error"]


def test_script_naming_no_account_is_told_the_accounts(sandbox, browser):
    request = _begin(sandbox, browser)
    refused = browser.post("/control/device", json={"user_code": request["user_code"], "account": "root"})
    assert refused.status_code == 404
    assert "scientist, lead, deputy" in refused.json()["error"]


def test_device_page_for_an_unknown_code_asks_again(browser):
    page = browser.get("/login/device", params={"user_code": '"><script>'})
    assert page.status_code == 400
    assert "<script>" not in page.text
    assert 'name="user_code"' in page.text


def test_installation_token_is_the_apps_own(sandbox, world):
    principal = authenticate(world, f"token {sandbox.secrets['github']['installation_token']}")
    assert (principal.kind, principal.name) == ("program", "mlops-console[bot]")
    assert principal.permissions["deployments"] == "write"


def test_tokens_are_stored_as_digests_only(sandbox, browser):
    code = _returned(_consent(browser, sandbox.secrets["github"]["client_id"]))["code"]
    told = _exchange(sandbox, browser, code=code, code_verifier=VERIFIER)
    stored = b"".join(path.read_bytes() for path in sandbox.home.glob("*.db*"))
    assert told["access_token"].encode() not in stored
    assert told["refresh_token"].encode() not in stored
    assert code.encode() not in stored
