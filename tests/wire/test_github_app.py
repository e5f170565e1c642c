"""Our programs as the installed GitHub App: tokens made from its key, renewed by PyGithub, refused in its words."""

from __future__ import annotations

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from gateways_world import settings_of
from github import Auth, GithubException, GithubIntegration
from github_lab import close_lab, open_lab
from pydantic import SecretStr

from backend.errors import ConfigurationError, CredentialsRejected, NotFound, RemoteUnavailable
from backend.gateways.credentials import tls_context
from backend.gateways.github.actions import Actions
from backend.gateways.github.app import Installation, program_credential
from backend.gateways.github.board import Board
from backend.gateways.github.client import GitHubReader
from backend.settings import GitHub
from sandbox.accounts import GITHUB_APP_CLIENT_ID, GITHUB_APP_ID, GITHUB_INSTALLATION_ID
from tests.journal import requests_of

FILES = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id } }"
PATH = f"/api/v3/app/installations/{GITHUB_INSTALLATION_ID}/access_tokens"


@pytest.fixture
def lab(sandbox, tmp_path):
    opened = open_lab(sandbox, tmp_path)
    opened.start()
    yield opened
    close_lab(opened)


@pytest.fixture
def http(sandbox, tmp_path):
    with httpx.Client(base_url=sandbox.url, verify=tls_context(settings_of(sandbox, tmp_path).cloud)) as client:
        yield client


def as_app(world, **changes):
    told = world.secrets["github"]
    given = {name: told[name] for name in ("app_id", "installation_id")} | {"app_private_key": told["private_key"]}
    return GitHub.model_validate(given | changes)


def reader(world, repository, **changes):
    return GitHubReader(
        f"{world.url}/api/v3", repository, program_credential(as_app(world, **changes)), str(world.ca_file)
    )


def minted(world):
    """How many installation tokens this world has made."""
    return len(requests_of(world, contains="/access_tokens"))


def graphql(connection):
    owner, _, name = connection.repository.partition("/")
    return connection.graphql(FILES, {"owner": owner, "name": name}, "read a repository")["repository"]["id"]


def new_key():
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_one_token_serves_rest_and_graphql_for_its_hour(sandbox, lab):
    connection, before = reader(sandbox, lab.full_name), minted(sandbox)
    assert connection.get("{repo}", "read the repository")["full_name"] == lab.full_name
    assert graphql(connection)
    assert Board(connection).look() == ()
    with pytest.raises(NotFound, match="read a job's log"):
        Actions(connection).log(987_654)
    assert minted(sandbox) == before + 1


def test_a_token_that_ends_is_renewed_while_the_process_goes_on(make_sandbox, tmp_path):
    """Tokens of five seconds: GitHub refuses the first one, the same connection reads on."""
    world = make_sandbox("--github-installation-token-seconds", "5")
    lab = open_lab(world, tmp_path)
    lab.start()
    connection = reader(world, lab.full_name)
    assert connection.get("{repo}", "read the repository")["full_name"] == lab.full_name
    header = {}
    connection.client().requester.auth.authentication(header)
    url, end = f"{world.url}/api/v3/repos/{lab.full_name}", time.monotonic() + 20
    with httpx.Client(verify=tls_context(settings_of(world, tmp_path).cloud), headers=header) as http:
        assert http.get(url).status_code == 200
        while http.get(url).status_code == 200 and time.monotonic() < end:
            time.sleep(0.2)
        assert http.get(url).status_code == 401
    before = minted(world)
    assert graphql(connection)
    assert connection.get("{repo}", "read the repository")["full_name"] == lab.full_name
    assert minted(world) > before
    close_lab(lab)


def test_a_token_that_github_has_revoked_is_replaced_at_once(sandbox, lab):
    """Nobody is told of that: the token's hour has not passed."""
    connection, faults = reader(sandbox, lab.full_name), f"{sandbox.browser_url}/control/faults"
    assert connection.get("{repo}", "read the repository")["full_name"] == lab.full_name
    for ask in (lambda: connection.get("{repo}", "read the repository")["full_name"], lambda: graphql(connection)):
        before = minted(sandbox)
        fault = {"service": "github", "kind": "revoked", "requests": 1}
        httpx.post(faults, json=fault, timeout=20).raise_for_status()
        assert ask()
        assert minted(sandbox) == before + 1
    httpx.post(faults, json={"service": "github", "kind": "revoked", "path": "/api/v3/repos/"}, timeout=20)
    try:
        with pytest.raises(CredentialsRejected, match="Bad credentials"):
            connection.get("{repo}", "read the repository")
    finally:
        httpx.delete(faults, timeout=20).raise_for_status()


def test_each_thread_has_a_token_of_its_own(sandbox, lab):
    connection, before, together = reader(sandbox, lab.full_name), minted(sandbox), Barrier(3)

    def read(_):
        together.wait(10)
        return [connection.get("{repo}", "read the repository")["full_name"] for _ in range(3)]

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(read, range(3))) == [[lab.full_name] * 3] * 3
    assert minted(sandbox) == before + 3


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"app_private_key": new_key()}, "JSON web token could not be decoded. Check github.app_id, the app's private"),
        ({"app_id": 7}, "Integration not found. Check github.app_id and github.installation_id"),
        ({"installation_id": 7}, "Not Found. Check github.app_id and github.installation_id"),
    ],
)
def test_a_refused_app_names_its_settings_and_hides_nothing_behind_a_missing_repository(sandbox, lab, changes, advice):
    with pytest.raises(CredentialsRejected) as caught:
        reader(sandbox, lab.full_name, **changes).get("{repo}", "read the repository")
    assert str(caught.value).startswith("GitHub could not sign in as the GitHub App: ")
    assert advice in str(caught.value)


def test_while_github_is_away_the_app_waits(lab, sandbox):
    connection = GitHubReader("https://localhost:1/api/v3", "a/b", program_credential(as_app(sandbox)))
    with pytest.raises(RemoteUnavailable, match="could not sign in as the GitHub App"):
        connection.get("{repo}", "read the repository")


def test_the_key_may_stand_in_a_file(sandbox, lab, tmp_path):
    file = tmp_path / "app.pem"
    file.write_text(sandbox.secrets["github"]["private_key"])
    connection = reader(sandbox, lab.full_name, app_private_key="", app_private_key_file=file)
    assert connection.get("{repo}", "read the repository")["full_name"] == lab.full_name


@pytest.mark.parametrize("text", ["", "secret words", "-----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA"])
def test_a_key_that_is_none_is_said_at_once_and_not_repeated(tmp_path, text):
    file = tmp_path / "app.pem"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        program_credential(GitHub(app_id=1, installation_id=2, app_private_key_file=file))
    assert caught.value.setting == "github.app_private_key_file"
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        program_credential(GitHub(app_id=1, installation_id=2, app_private_key_file=tmp_path / "none.pem"))


def test_a_static_token_is_still_one():
    assert program_credential(GitHub(installation_token=SecretStr("ghs_x"))) == SecretStr("ghs_x")
    assert program_credential(GitHub()) == SecretStr("")
    assert "BEGIN" not in repr(Installation(1, 2, SecretStr(new_key())))


def signed(world, **changes):
    now = int(time.time())
    claims = {"iat": now - 60, "exp": now + 300, "iss": str(GITHUB_APP_ID)} | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return f"Bearer {jwt.encode(kept, world.secrets['github']['private_key'], algorithm='RS256')}"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, 201, ""),
        ({"iss": GITHUB_APP_CLIENT_ID}, 201, ""),
        ({"exp": time.time() + 3600}, 401, "must be a numeric value"),
        ({"exp": int(time.time()) + 3600}, 401, "is too far in the future"),
        ({"exp": int(time.time()) - 1}, 401, "must be a numeric value"),
        ({"exp": None}, 401, "must be a numeric value"),
        ({"iat": int(time.time()) + 3600}, 401, "'Issued at' claim"),
        ({"iss": "1"}, 404, "Integration not found"),
        ({"iss": None}, 401, "'Issuer' claim"),
    ],
)
def test_the_jwt_is_judged_as_github_does(sandbox, http, changes, status, words):
    answer = http.post(PATH, headers={"Authorization": signed(sandbox, **changes)})
    assert answer.status_code == status, answer.text
    assert words in answer.json().get("message", "")
    if status == 201:
        body = answer.json()
        assert body["token"].startswith("ghs_")
        assert body["permissions"]["deployments"] == "write"
        assert body["repository_selection"] == "all"


def test_only_the_apps_jwt_makes_tokens_and_it_opens_nothing_else(sandbox, http, lab):
    own = {"Authorization": f"Bearer {sandbox.secrets['github']['installation_token']}"}
    assert http.post(PATH, headers=own).status_code == 401
    assert http.post(PATH).status_code == 401
    assert http.post(PATH, headers={"Authorization": "Bearer a.b.c"}).status_code == 401
    unsigned = jwt.encode({"iss": str(GITHUB_APP_ID)}, "", algorithm="none")
    assert http.post(PATH, headers={"Authorization": f"Bearer {unsigned}"}).status_code == 401
    url = f"/api/v3/repos/{lab.full_name}"
    assert http.get(url, headers={"Authorization": signed(sandbox)}).status_code == 401


def test_a_token_may_ask_for_less_and_not_for_more(sandbox, http, lab):
    told = sandbox.secrets["github"]
    app = Auth.AppAuth(told["app_id"], told["private_key"])
    with GithubIntegration(auth=app, base_url=f"{sandbox.url}/api/v3", verify=str(sandbox.ca_file)) as integration:
        less = integration.get_access_token(GITHUB_INSTALLATION_ID, {"metadata": "read", "contents": "read"})
        with pytest.raises(GithubException, match="not granted to this installation"):
            integration.get_access_token(GITHUB_INSTALLATION_ID, {"statuses": "write"})
    assert less.permissions == {"metadata": "read", "contents": "read"}
    tokens = {"Authorization": f"token {less.token}"}
    assert http.get(f"/api/v3/repos/{lab.full_name}", headers=tokens).status_code == 200
    assert http.get(f"/api/v3/repos/{lab.full_name}/actions/variables", headers=tokens).status_code == 403
    narrowed = {"repositories": ["diabetes"]}
    assert http.post(PATH, headers={"Authorization": signed(sandbox)}, json=narrowed).status_code == 501


def test_the_private_key_is_in_no_database_and_readable_by_its_owner_only(sandbox):
    secrets = sandbox.home / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    inner = sandbox.secrets["github"]["private_key"].splitlines()[3].encode()
    holding = [p.name for p in sandbox.home.rglob("*") if p.is_file() and inner in p.read_bytes()]
    assert holding == ["secrets.json"]
