"""The console as it is started, asked over real sockets by what means it no good."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from console.middleware import BROWSER_COOKIE, WANTED_COOKIE

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
COOKIE_SECRET = "a cookie secret of one throw-away console"
SETTINGS = """
default_project = "diabetes"
home = "{home}"
[identity]
tenant_id = "6f1d3c9a-2b4e-4c58-9d7a-0e5b8a4f1c20"
[signin]
metadata_url = "https://localhost:9/.well-known/openid-configuration"
client_id = "console"
cookie_secret = "{secret}"
[cloud]
metadata_url = "https://localhost:9/metadata/endpoints"
[github]
api_url = "https://localhost:9/api/v3"
[console]
port = {port}
public_url = "{url}"
allowed_hosts = ["console.hospital.example"]
[projects.diabetes]
repository = "hospital/diabetes"
subscription_id = "3c9f2d71-8a45-4e6b-b1d0-7f2e9c5a6b38"
resource_group = "diabetes"
region = "westeurope"
dev_workspace = "diabetes-dev"
prod_workspace = "diabetes-prod"
dev_data = "diabetes-dev"
prod_data = "diabetes-prod"
model = "diabetes-classifier"
environment = "diabetes-training"
endpoint = "diabetes-endpoint"
test_endpoint = "diabetes-test"
"""
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A console behind a proxy that ends TLS: people type https, and the proxy speaks http to it."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (home / "mlops.toml").write_text(
        SETTINGS.format(home=home, secret=COOKIE_SECRET, port=port, url="https://mlops.hospital.example")
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MLOPS_", "AZURE_", "GITHUB_"))}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "console"], cwd=ROOT, env={**env, "MLOPS_HOME": str(home)}, stdout=log, stderr=log
        )
    end = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, (home / "log").read_text()[-3000:]
        assert time.monotonic() < end, (home / "log").read_text()[-3000:]
        try:
            # A probe asks under whatever name it finds the process at.
            found = httpx.get(f"http://127.0.0.1:{port}/_stcore/health", headers={"host": "10.1.2.3"}, trust_env=False)
            assert found.text == "ok"
            break
        except httpx.TransportError:
            time.sleep(0.2)
    yield port
    process.terminate()
    process.wait(20)


@pytest.fixture
def client(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/deployments?version=2", "/_stcore/health", "/app/static/icon.svg", "/auth/login", "/oauth2callback"]
)
def test_every_answer_carries_the_headers_once(client, path):
    answer = client.get(path, headers=PAGE)
    policy = answer.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "form-action 'self'" in policy
    (scripts,) = (rule for rule in policy if rule.startswith("script-src"))
    assert "unsafe" not in scripts
    expected = {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "strict-transport-security": "max-age=31536000",
    }
    assert {name: answer.headers.get_list(name) for name in expected} == {n: [v] for n, v in expected.items()}
    assert "camera=()" in answer.headers["permissions-policy"]


def test_every_cookie_is_http_only_lax_and_secure(client):
    seen = {}
    for path in ("/deployments", "/auth/login", "/auth/logout", "/github/callback", "/oauth2callback"):
        for line in client.get(path, headers=PAGE).headers.get_list("set-cookie"):
            seen[line.partition("=")[0]] = [part.strip().lower() for part in line.split(";")[1:]]
    assert {BROWSER_COOKIE, WANTED_COOKIE, "mlops_github", "_streamlit_user"} <= set(seen)
    for name, flags in seen.items():
        assert "secure" in flags, name
        assert "samesite=lax" in flags, name
        deleted = "max-age=0" in flags
        assert deleted or "httponly" in flags, name


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "mlops.hospital.example.evil.example",
        "169.254.169.254",
        "",
        "[::1]",
        "@127.0.0.1",
    ],
)
def test_a_foreign_host_name_is_refused_before_anything_else(client, host):
    for path in ("/", "/_stcore/host-config", "/oauth2callback", "/github/connect"):
        answer = client.get(path, headers={"host": host})
        assert answer.status_code == 421
        assert "not reached under this name" in answer.text
        assert answer.headers["x-frame-options"] == "DENY"
        assert host not in answer.text or not host


@pytest.mark.parametrize("host", ["mlops.hospital.example", "MLOPS.hospital.example:443", "console.hospital.example"])
def test_our_own_names_are_answered(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("https://mlops.hospital.example", "mlops.hospital.example", 101),
        ("https://evil.example", "mlops.hospital.example", 403),
        ("null", "mlops.hospital.example", 403),
        ("http://evil.example", "evil.example", 403),
        ("https://mlops.hospital.example.evil.example", "mlops.hospital.example", 403),
    ],
)
def test_a_page_elsewhere_opens_no_socket(port, origin, host, status):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        try:
            with connect(f"ws://{host}/_stcore/stream", sock=raw, origin=origin, proxy=None):
                found = 101
        except InvalidStatus as refusal:
            found = refusal.response.status_code
    assert found == status


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/auth/logout", "/auth/login", "/github/connect", "/auth/logout/"])
def test_another_site_signs_nobody_out_or_in(client, site, path):
    client.cookies.set("_streamlit_user", "whoever is signed in")
    answer = client.get(path, headers={"sec-fetch-site": site})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers.get_list("set-cookie") == []


def test_ones_own_page_does(client):
    answer = client.get("/auth/logout", headers={"sec-fetch-site": "same-origin"})
    assert answer.headers["location"] == "/"
    assert any(line.startswith("_streamlit_user=") for line in answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    "path",
    ["//evil.example/", "/%2f%2fevil.example/", "/\\evil.example/", "/evil.example//",
     "/auth/login?next=https://evil.example",
     "/oauth2callback?next=https://evil.example", "/oauth2callback?state=x&code=y&return=//evil.example",
     "/?sign_in=https://evil.example", "/github/callback?page=//evil.example",
     "/auth/logout?redirect_uri=//evil.example"],
)  # fmt: skip
def test_no_parameter_or_path_leads_out_of_the_console(client, path):
    answer = client.get(httpx.URL(f"{client.base_url}").copy_with(raw_path=path.encode()), headers=PAGE)
    target = answer.headers.get("location", "/")
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\"))


def test_what_a_cookie_wants_is_a_page_of_ours(client):
    client.cookies.set(WANTED_COOKIE, "https%3A%2F%2Fevil.example")
    assert client.get("/oauth2callback").headers["location"] == "/"


def test_a_callback_that_no_sign_in_of_this_browser_began_signs_nobody_in(client):
    answer = client.get("/oauth2callback", params={"state": "guessed", "code": "stolen"})
    assert answer.headers["location"] == "/"
    assert not any(line.startswith("_streamlit_user=") for line in answer.headers.get_list("set-cookie"))


def test_a_forged_cookie_is_thrown_away(client):
    for secret in ("another secret", COOKIE_SECRET[:-1]):
        forged = create_signed_value(secret, "_streamlit_user", '{"is_logged_in": true}').decode()
        client.cookies.set("_streamlit_user", forged)
        answer = client.get("/oauth2callback")
        gone = [line for line in answer.headers.get_list("set-cookie") if line.startswith("_streamlit_user=")]
        assert gone
        assert all("Max-Age=0" in line for line in gone)
        client.cookies.clear()


def test_only_what_reads_may_be_asked_with_get_and_nothing_with_more(client):
    for path in ("/auth/login", "/auth/logout", "/oauth2callback", "/github/connect", "/github/callback"):
        for method in ("POST", "PUT", "DELETE", "TRACE"):
            assert client.request(method, path).status_code in {405, 501}
