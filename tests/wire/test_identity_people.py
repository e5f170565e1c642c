"""People sign in with a browser: OpenID Connect over plain http on loopback, driven by Authlib."""

from __future__ import annotations

import asyncio
import importlib
import re
import warnings
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.accounts import SIGN_IN_CLIENT_ID, TENANT

CALLBACK = "http://127.0.0.1:8501/oauth2callback"
VERIFIER = "a-verifier-that-is-at-least-forty-three-characters-long"
CHALLENGE = "fHqnnK8JVGn9Act2vp52KGPBGNKHlxFsjRMgelmsfzI"


@pytest.fixture(scope="module")
def browser(sandbox):
    with httpx.Client(base_url=sandbox.browser_url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def metadata(browser):
    return browser.get(f"/{TENANT}/v2.0/.well-known/openid-configuration").json()


def _authorize(browser, account="lead", **change):
    """What the browser does: load the page, press an account's button, follow to the address of the callback."""
    parameters = {
        "client_id": SIGN_IN_CLIENT_ID,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile email",
        "state": "the-state",
        "nonce": "the-nonce",
    } | change
    page = browser.get(
        f"/{TENANT}/oauth2/v2.0/authorize", params={k: v for k, v in parameters.items() if v is not None}
    )
    if page.status_code != 200:
        return page
    action = re.search(r'action="([^"]+)"', page.text).group(1).replace("&amp;", "&")
    return browser.post(action, data={"account": account}, headers={"Origin": str(browser.base_url).rstrip("/")})


def _returned(answer):
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def _redeem(sandbox, browser, code, change=None):
    form = {
        "grant_type": "authorization_code",
        "client_id": SIGN_IN_CLIENT_ID,
        "client_secret": sandbox.secrets["mlops-sign-in"]["secret"],
        "redirect_uri": CALLBACK,
        "code": code,
    } | (change or {})
    return browser.post(f"/{TENANT}/oauth2/v2.0/token", data=form)


def test_metadata_stays_on_the_port_that_was_asked(sandbox, metadata):
    addresses = [value for name, value in metadata.items() if name.endswith(("endpoint", "_uri"))]
    assert len(addresses) == 6
    assert all(address.startswith(sandbox.browser_url) for address in addresses)
    assert metadata["issuer"] == f"{sandbox.browser_url}/{TENANT}/v2.0"


def test_page_lists_every_account_and_says_they_are_simulated(browser):
    page = browser.get(
        f"/{TENANT}/oauth2/v2.0/authorize",
        params={"client_id": SIGN_IN_CLIENT_ID, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"},
    )
    for login in ("scientist", "lead", "deputy", "operator", "viewer"):
        assert f'value="{login}"' in page.text
    assert "Simulated accounts" in page.text
    assert "<script" not in page.text
    assert "prefers-color-scheme: dark" in page.text


def test_authlib_signs_a_person_in(sandbox, metadata):
    """Authlib's own client, as Streamlit uses it: discovery, PKCE, nonce, state, signature, userinfo."""
    told = asyncio.run(_sign_in_with_authlib(sandbox, metadata, "deputy"))
    assert told["claims"]["preferred_username"] == "deputy"
    assert told["claims"]["name"] == "Dana Deputy"
    assert told["claims"]["email"] == "deputy@hospital.example"
    assert told["claims"]["roles"] == ["lead"]
    assert told["claims"]["auth_time"] == pytest.approx(told["claims"]["iat"], abs=5)
    assert told["userinfo"]["preferred_username"] == "deputy"


def _authlib():
    """Authlib says on import that it will leave httpx one day, over any filter set before."""
    with warnings.catch_warnings():
        importlib.import_module("authlib.deprecate")
        warnings.simplefilter("ignore")
        return importlib.import_module("authlib.integrations.starlette_client").OAuth


async def _sign_in_with_authlib(sandbox, metadata, account):
    oauth = _authlib()()
    oauth.register(
        "entra",
        client_id=SIGN_IN_CLIENT_ID,
        client_secret=sandbox.secrets["mlops-sign-in"]["secret"],
        server_metadata_url=f"{sandbox.browser_url}/{TENANT}/v2.0/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
    )

    async def login(request: Request):
        return await oauth.entra.authorize_redirect(request, CALLBACK)

    async def callback(request: Request):
        token = await oauth.entra.authorize_access_token(request)
        userinfo = await oauth.entra.userinfo(token=token)
        return JSONResponse({"claims": dict(token["userinfo"]), "userinfo": dict(userinfo)})

    application = Starlette(
        routes=[Route("/login", login), Route("/oauth2callback", callback)],
        middleware=[Middleware(SessionMiddleware, secret_key="only-for-this-test")],
    )
    transport = httpx.ASGITransport(app=application)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as application_client,
        httpx.AsyncClient(timeout=20) as visitor,
    ):
        sent = await application_client.get("/login")
        assert sent.headers["location"].startswith(metadata["authorization_endpoint"])
        page = await visitor.get(sent.headers["location"])
        action = re.search(r'action="([^"]+)"', page.text).group(1).replace("&amp;", "&")
        back = await visitor.post(f"{sandbox.browser_url}{action}", data={"account": account})
        answer = await application_client.get(back.headers["location"])
        assert answer.status_code == 200
        return answer.json()


def test_state_comes_back_and_a_code_works_once(sandbox, browser):
    returned = _returned(_authorize(browser))
    assert returned["state"] == "the-state"
    first = _redeem(sandbox, browser, returned["code"])
    assert set(first.json()) >= {"access_token", "id_token", "expires_in"}
    second = _redeem(sandbox, browser, returned["code"])
    assert second.status_code == 400
    assert second.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215"),
        ({"client_secret": ""}, "AADSTS7000218"),
        ({"redirect_uri": "http://127.0.0.1:8501/elsewhere"}, "AADSTS500112"),
        ({"code": "invented"}, "AADSTS70008"),
        ({"code_verifier": "another-verifier"}, "AADSTS501481"),
        ({"code_verifier": ""}, "AADSTS501481"),
    ],
)
def test_code_is_refused_to_whoever_did_not_ask_for_it(sandbox, browser, change, code):
    returned = _returned(_authorize(browser, code_challenge=CHALLENGE, code_challenge_method="S256"))
    answer = _redeem(sandbox, browser, returned["code"], {"code_verifier": VERIFIER} | change)
    assert answer.status_code in {400, 401}
    assert answer.json()["error_description"].startswith(f"{code}: ")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/oauth2callback",
        "http://127.0.0.1.evil.example/",
        "http://user@127.0.0.1:8501/",
        "http://127.0.0.1:8501/#fragment",
        "javascript:alert(1)",
        "",
    ],
)
def test_unregistered_address_gets_a_page_and_never_a_redirect(browser, address):
    answer = _authorize(browser, redirect_uri=address)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "AADSTS50011" in answer.text
    assert "<a " not in answer.text


def test_unknown_application_gets_a_page(browser):
    answer = _authorize(browser, client_id="<script>alert(1)</script>")
    assert answer.status_code == 400
    assert "AADSTS700016" in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_other_mistakes_go_back_to_the_application(browser, change, error):
    returned = _returned(_authorize(browser, **change))
    assert returned["error"] == error
    assert returned["state"] == "the-state"


def test_person_may_decline(browser):
    assert _returned(_authorize(browser, account=""))["error"] == "access_denied"


def test_unknown_account_is_refused(browser):
    assert _authorize(browser, account="nobody").status_code == 400


def test_refresh_token_renews_once(sandbox, browser):
    returned = _returned(_authorize(browser, scope="openid offline_access"))
    first = _redeem(sandbox, browser, returned["code"]).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "code": "", "refresh_token": first}
    renewed = _redeem(sandbox, browser, "", form)
    assert renewed.json()["refresh_token"] != first
    assert _redeem(sandbox, browser, "", form).json()["error_codes"] == [700082]


def test_userinfo_needs_a_persons_token(sandbox, browser):
    assert browser.get("/oidc/userinfo").status_code == 401
    answer = _redeem(sandbox, browser, _returned(_authorize(browser))["code"]).json()
    told = browser.get("/oidc/userinfo", headers={"Authorization": f"Bearer {answer['access_token']}"}).json()
    assert told["roles"] == ["lead"]
    id_token = {"Authorization": f"Bearer {answer['id_token']}"}
    assert browser.get("/oidc/userinfo", headers=id_token).status_code == 401


def test_signing_out_returns_to_the_application_only(browser, metadata):
    end = metadata["end_session_endpoint"]
    back = browser.get(end, params={"post_logout_redirect_uri": CALLBACK, "id_token_hint": "any"})
    assert (back.status_code, back.headers["location"]) == (302, CALLBACK)
    away = browser.get(end, params={"post_logout_redirect_uri": "https://evil.example/"})
    assert away.status_code == 400
    assert browser.get(end).status_code == 200


def test_page_works_under_the_name_localhost_too(sandbox, browser):
    address = f"http://localhost:{sandbox.browser_port}"
    with httpx.Client(base_url=address, timeout=20) as visitor:
        assert _returned(_authorize(visitor))["state"] == "the-state"


def test_page_of_another_site_may_not_choose_an_account(browser):
    answer = browser.post(
        f"/{TENANT}/oauth2/v2.0/authorize?client_id={SIGN_IN_CLIENT_ID}&redirect_uri={CALLBACK}&response_type=code",
        data={"account": "lead"},
        headers={"Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    rebound = browser.get("/", headers={"Host": "evil.example"})
    assert rebound.status_code == 403
