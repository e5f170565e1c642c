"""What stands before the pages: headers, the way back after sign-in, sealed tokens, GitHub's consent."""

from __future__ import annotations

import socket
import threading
import time
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
import streamlit
import uvicorn
from cryptography.fernet import Fernet
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from console import consent, launch
from console.middleware import (
    BROWSER_COOKIE,
    WANTED_COOKIE,
    SecurityHeaders,
    WayBack,
    content_policy,
    inline_script_hashes,
    local_path,
)
from console.seal import BadSeal, Seal

PAGE = {"accept": "text/html"}


@pytest.fixture
def client():
    async def page(_):
        return HTMLResponse("<p>page</p>")

    async def signed_in(_):
        return RedirectResponse("/")

    policy = content_policy(("'sha256-abc='",))
    app = Starlette(
        routes=[Route("/oauth2callback", signed_in), *consent.ROUTES, Route("/{rest:path}", page)],
        middleware=[Middleware(SecurityHeaders, policy=policy, over_tls=False), Middleware(WayBack)],
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        end = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", trust_env=False) as client:
            yield client
        server.should_exit = True
        thread.join(10)


def test_every_answer_carries_the_headers(client, empty_world):
    for path in ("/", "/deployments", "/oauth2callback", "/github/connect"):
        headers = client.get(path).headers
        assert "script-src 'self' 'sha256-abc='" in headers["content-security-policy"]
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"


def test_the_installed_index_page_has_its_inline_scripts_allowed():
    index = Path(streamlit.__file__).parent / "static" / "index.html"
    assert len(inline_script_hashes(index)) == index.read_text().count("<script>")


def test_sign_in_leads_back_to_the_page_that_was_asked_for(client):
    client.get("/deployments?version=3", headers=PAGE)
    assert client.get("/oauth2callback").headers["location"] == "/deployments?version=3"


def test_what_is_no_page_is_not_remembered(client):
    assert WANTED_COOKIE not in client.get("/_stcore/health", headers=PAGE).cookies
    assert WANTED_COOKIE not in client.get("/app/static/icon.svg", headers={"accept": "image/*"}).cookies


@pytest.mark.parametrize("path", ["//evil.example/x", "https://evil.example", "/\\evil.example", "/a\nb", ""])
def test_nobody_is_led_out_of_the_console(client, path):
    assert local_path(path) == "/"
    client.cookies.set(WANTED_COOKIE, quote(path, safe=""))
    assert client.get("/oauth2callback").headers["location"] == "/"


def test_a_seal_opens_only_for_its_purpose_and_in_time():
    seal = Seal("secret")
    token = seal.close("ticket", {"actor": "lead"})
    assert seal.open("ticket", token, 60) == {"actor": "lead"}
    for bad in (lambda: seal.open("other", token, 60), lambda: Seal("other").open("ticket", token, 60)):
        with pytest.raises(BadSeal):
            bad()
    with pytest.raises(BadSeal):
        seal.open("ticket", "not a token", 60)
    old = Fernet(seal_key("secret")).encrypt_at_time(b"{}", 0).decode()
    with pytest.raises(BadSeal):
        seal.open("ticket", old, 60)


def seal_key(secret: str) -> bytes:
    import base64
    import hashlib

    return base64.urlsafe_b64encode(hashlib.sha256(b"mlops-console\0" + secret.encode()).digest())


def begin(client, empty_world, browser="this browser", page="/pull-requests?number=14"):
    ticket = consent.ticket(empty_world.wired.seal, "lead", "this browser", page)
    client.cookies.set(BROWSER_COOKIE, browser)
    return client.get("/github/connect", params={"ticket": ticket})


def test_consent_begins_at_github_with_state_and_challenge(client, empty_world):
    answer = begin(client, empty_world)
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["state"]
    assert query["code_challenge_method"] == ["S256"]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert query["state"][0] not in cookie


def test_a_ticket_works_only_in_the_browser_it_was_drawn_in(client, empty_world):
    answer = begin(client, empty_world, browser="another browser")
    assert answer.headers["location"] == "/pull-requests?number=14&github=other+browser"


@pytest.mark.parametrize("ticket", ["", "forged"])
def test_without_a_ticket_consent_does_not_begin(client, empty_world, ticket):
    assert client.get("/github/connect", params={"ticket": ticket}).headers["location"] == "/?github=expired"


def test_a_callback_with_a_foreign_state_is_refused(client, empty_world):
    begin(client, empty_world)
    answer = client.get("/github/callback", params={"state": "foreign", "code": "c"})
    assert answer.headers["location"] == "/pull-requests?number=14&github=expired"
    assert empty_world.wired.backend.people.github_login("lead") is None


def test_a_person_who_declines_comes_back_to_the_page(client, empty_world):
    state = parse_qs(urlsplit(begin(client, empty_world).headers["location"]).query)["state"][0]
    answer = client.get("/github/callback", params={"state": state, "error": "access_denied"})
    assert answer.headers["location"] == "/pull-requests?number=14&github=refused"


def test_the_configuration_reaches_streamlit_as_dotted_options(empty_world):
    from streamlit import config

    options = launch.configuration(empty_world.wired.settings)
    known = set(config._config_options_template)
    assert set(options) <= known
    assert options["runner.postScriptGC"] is False
    assert options["browser.gatherUsageStats"] is False
    assert options["client.showErrorDetails"] == "none"
    assert options["server.address"] == "127.0.0.1"
    assert "localhost" in options["server.allowedHosts"]


def test_the_theme_names_no_outside_host_and_only_files_we_have():
    text = launch.CONFIG.read_text()
    assert "://" not in text
    for face in tomllib.loads(text)["theme"]["fontFaces"]:
        file = launch.HERE / face["url"].removeprefix("app/")
        assert file.is_file()
        assert file.with_name(f"{file.stem}-OFL.txt").is_file()


def test_an_empty_cookie_secret_is_a_configuration_error(empty_world):
    from backend.errors import ConfigurationError

    signin = empty_world.wired.settings.signin.model_copy(update={"cookie_secret": SecretStr("")})
    with pytest.raises(ConfigurationError, match=r"signin\.cookie_secret"):
        launch.sign_in_secrets(empty_world.wired.settings.model_copy(update={"signin": signin}))
