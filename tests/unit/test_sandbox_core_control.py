"""The control pages of a running sandbox: journal, outages, practitioners."""

from __future__ import annotations

import ssl
import time

import httpx
import pytest

from sandbox.accounts import TENANT

METADATA = "/metadata/endpoints"


@pytest.fixture(scope="module")
def world(make_sandbox):
    return make_sandbox("--services", "identity,arm,control")


@pytest.fixture
def browser(world):
    with httpx.Client(base_url=world.browser_url, timeout=20) as client:
        yield client
        client.delete("/control/faults")


@pytest.fixture
def cloud(world):
    with httpx.Client(
        base_url=world.url, verify=ssl.create_default_context(cafile=world.ca_file), timeout=20
    ) as client:
        yield client


def _journal(browser, **query):
    return browser.get("/control/journal", params=query).json()["requests"]


def test_first_page_names_the_accounts_and_says_what_this_is(browser):
    page = browser.get("/")
    assert page.status_code == 200
    for text in ("scientist", "Lee Lead", "mlops-worker", "no real patient", "Practitioners"):
        assert text in page.text


def test_every_request_is_journaled_with_its_caller_and_version(world, browser, cloud):
    told = world.secrets["mlops-worker"]
    form = {"grant_type": "client_credentials", "client_id": told["client_id"], "client_secret": told["secret"]}
    answer = cloud.post(f"/{TENANT}/oauth2/v2.0/token", data=form | {"scope": "https://management.azure.com/.default"})
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    cloud.get("/subscriptions/nowhere?api-version=2022-12-01", headers=headers)
    newest, before = _journal(browser, limit=2)
    assert (newest["principal"], newest["api_version"], newest["service"]) == ("mlops-worker", "2022-12-01", "arm")
    assert (before["method"], before["path"], before["status"]) == ("POST", f"/{TENANT}/oauth2/v2.0/token", 200)
    for path in world.home.glob("journal.db*"):
        assert told["secret"].encode() not in path.read_bytes()
        assert answer.json()["access_token"].encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("method", "path", "headers", "inside"),
    [
        ("GET", "/providers/Microsoft.Unknown/things", {}, {"error": "code"}),
        ("DELETE", METADATA, {}, {"error_description": None}),
        ("GET", "/api/v3/unheard-of", {}, {"message": None}),
    ],
)
def test_unknown_operation_is_501_and_journaled(browser, cloud, method, path, headers, inside):
    answer = cloud.request(method, path, headers=headers)
    assert answer.status_code == 501
    for name, part in inside.items():
        assert part is None or answer.json()[name][part] == "NotImplemented"
        assert "COVERAGE.md" in answer.text
    newest = _journal(browser, limit=1)[0]
    assert (newest["method"], newest["path"], newest["status"]) == (method, path, 501)


def test_control_pages_are_not_journaled(browser):
    before = _journal(browser, limit=1)
    browser.get("/")
    browser.get("/control/faults")
    assert _journal(browser, limit=1) == before


@pytest.mark.parametrize("limit", ["0", "-1", "many", "100000"])
def test_impossible_limit_is_refused(browser, limit):
    assert browser.get("/control/journal", params={"limit": limit}).status_code == 400


def test_outage_lasts_as_long_as_it_was_set_for(browser, cloud):
    added = browser.post(
        "/control/faults", json={"service": "identity", "status": 503, "requests": 2, "retry_after": 7}
    )
    assert added.status_code == 201
    first = cloud.get(METADATA)
    assert (first.status_code, first.headers["retry-after"]) == (503, "7")
    assert cloud.get("/subscriptions").status_code != 503
    assert [cloud.get(METADATA).status_code for _ in range(2)] == [503, 200]
    assert [entry["status"] for entry in _journal(browser, limit=5, contains=METADATA)[:3]] == [200, 503, 503]


def test_outage_until_cleared_and_slowness(browser, cloud):
    number = browser.post("/control/faults", json={"path": "/metadata/", "delay_ms": 300}).json()["number"]
    started = time.monotonic()
    assert cloud.get(METADATA).status_code == 200
    assert time.monotonic() - started >= 0.3
    assert [fault["number"] for fault in browser.get("/control/faults").json()["faults"]] == [number]
    assert browser.delete(f"/control/faults/{number}").json() == {"cleared": 1}
    assert browser.delete(f"/control/faults/{number}").status_code == 404
    assert browser.get("/control/faults").json() == {"faults": []}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"status": 200}', b'{"status": 503, "service": 1, "x": 2}'])
def test_broken_fault_is_refused(browser, body):
    answer = browser.post("/control/faults", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_practitioners_rate_is_set_and_survives_a_restart(make_sandbox):
    own = make_sandbox("--services", "identity,arm,control")
    state = httpx.post(f"{own.browser_url}/control/practitioners", json={"per_second": 12.0}, timeout=20).json()
    assert (state["per_second"], state["asking"], state["sent"]) == (12.0, False, 0)
    own.kill()
    own.restart()
    assert httpx.get(f"{own.browser_url}/control/practitioners", timeout=20).json()["per_second"] == 12.0
    assert (
        httpx.post(f"{own.browser_url}/control/practitioners", json={"per_second": 21}, timeout=20).status_code == 400
    )


def test_buttons_of_the_page_lead_back_to_it(browser):
    pressed = browser.post("/control/practitioners", data={"change": "busy"})
    assert (pressed.status_code, pressed.headers["location"]) == (303, "/")
    assert "12 times a second" in browser.get("/").text
    browser.post("/control/practitioners", data={"change": "daily"})
    assert browser.get("/control/practitioners").json()["fixed_until"] is None
    assert browser.post("/control/practitioners", data={"change": "faster"}).status_code == 400
