"""Signing in at a terminal, and what a command says once the sign-in has ended: one line, code 2, nothing half done."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import jwt
import pytest
from pydantic import SecretStr

from backend.store import Store
from sandbox.accounts import SIGN_IN_CLIENT_ID, TENANT
from sandbox.demo.launch import CHECKOUT
from sandbox.demo.settings_file import Ports, service_environment, write_settings
from tests.journal import requests_of

pytestmark = pytest.mark.recovery

REFUSED, REMOTE = 2, 3
REASON = ("--reason", "A reason that is long enough.")
DECIDING = [
    ("whoami",),
    ("approve", "1", *REASON),
    ("promote", "1", "--approve", *REASON),
    ("rollback", *REASON),
    ("pr", "approve", "1", "--merge", *REASON),
    ("runs", "cancel", "diabetes-dev", "a-run", *REASON),
    ("setup", "apply", "--yes"),
    ("login", "--github"),
]
"""One command of each file that asks who is at the terminal."""


class Terminal:
    """`mlops` in a world of its own. Id tokens last some seconds there, so every command renews the sign-in."""

    def __init__(self, make_sandbox, home, python):
        self.home, self.python, self.world = (
            home,
            python,
            make_sandbox("--entra-token-seconds", "8", home=home / "sandbox"),
        )
        told = write_settings(home, Ports(console=1, sandbox=self.world.port, browser=self.world.browser_port))
        self.env = service_environment(home, told, "mlops-console")
        self.good = False

    @property
    def profile(self):
        return self.home / "cli" / "default.json"

    @property
    def ended(self):
        return self.home / "cli" / "ended.json"

    def mlops(self, *arguments, **env):
        return subprocess.run(
            [str(self.python), "-m", "backend", *arguments], cwd=CHECKOUT, env={**self.env, **env},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def login(self, *options):
        """The exit code, standard output, and the lines of the other stream."""
        process = subprocess.Popen(
            [str(self.python), "-m", "backend", "login", *options], cwd=CHECKOUT, env=self.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        shown = process.stderr.readline()
        assert shown, process.communicate()
        code = json.loads(shown)["user_code"] if "--json" in options else shown.split()[-1]
        answer = {"user_code": code, "account": "lead"}
        httpx.post(f"{self.world.browser_url}/control/device", json=answer, timeout=20).raise_for_status()
        out, rest = process.communicate()
        self.good = process.returncode == 0
        return process.returncode, out, shown + rest

    def refresh(self):
        """Spend the kept refresh token, as another program of this person would."""
        self.good = False
        form = {
            "grant_type": "refresh_token", "client_id": SIGN_IN_CLIENT_ID, "scope": "openid offline_access",
            "refresh_token": json.loads(self.profile.read_text())["refresh_token"],
        }  # fmt: skip
        answer = httpx.post(f"{self.world.browser_url}/{TENANT}/oauth2/v2.0/token", data=form, timeout=20)
        return answer.raise_for_status().json()

    def recorded(self):
        """Everything a command could have left: ledger entries and wishes."""
        store = Store(f"sqlite:///{self.home / 'console.db'}", token_key=SecretStr(""))
        store.migrate()
        entries = store.audit.entries(limit=100)
        store.close()
        return [(entry.actor, entry.action) for entry in entries]


@pytest.fixture(scope="module")
def terminal(make_sandbox, tmp_path_factory, resident):
    made = Terminal(make_sandbox, tmp_path_factory.mktemp("terminal"), resident)
    assert made.login()[0] == 0
    return made


@pytest.fixture
def signed_in(terminal):
    """Signed in still, or again: a sign-in that nobody spoilt renews itself."""
    assert terminal.good or terminal.login("--json")[0] == 0
    return terminal


@pytest.fixture(scope="module")
def ended(terminal):
    """The profile `ended`: its id token is at its end, its refresh token has been spent."""
    assert terminal.login()[0] == 0
    terminal.ended.write_text(terminal.profile.read_text())
    terminal.refresh()
    return terminal


def journal(terminal):
    """Requests but those for discovery and tokens, which ask nothing of anybody."""
    return [r for r in requests_of(terminal.world) if r["service"] not in {"identity", "control", ""}]


@pytest.mark.parametrize("options", [(), ("--github",)], ids=["sign in", "connect GitHub"])
def test_login_prints_one_json_document_and_shows_the_code_beside_it(signed_in, options):
    code, out, err = signed_in.login(*options, "--json")
    assert code == 0, err
    document = json.loads(out)
    assert document["account" if options else "name"] == "lead"
    assert set(json.loads(err)) == {"user_code", "verification_uri"}


def test_a_person_is_told_where_to_type_the_code(signed_in):
    code, out, err = signed_in.login()
    assert (code, out) == (0, "Signed in as lead (lead)\n")
    assert err.startswith("Open http")
    assert stat.S_IMODE(signed_in.profile.stat().st_mode) == 0o600


def test_a_sign_in_renews_itself(signed_in):
    """The id token ends on the wire; the kept refresh token brings the next one."""
    before = json.loads(signed_in.profile.read_text())
    ends = jwt.decode(before["id_token"], options={"verify_signature": False})["exp"]
    time.sleep(max(0.0, ends - time.time() + 1))
    done = signed_in.mlops("whoami", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["name"] == "lead"
    after = json.loads(signed_in.profile.read_text())
    assert jwt.decode(after["id_token"], options={"verify_signature": False})["exp"] > ends
    assert stat.S_IMODE(signed_in.profile.stat().st_mode) == 0o600


@pytest.mark.parametrize("command", DECIDING, ids=" ".join)
def test_an_ended_sign_in_is_one_line_and_nothing_is_half_done(ended, command):
    before, kept = ended.recorded(), ended.ended.read_text()
    asked = len(journal(ended))
    done = ended.mlops(*command, MLOPS_PROFILE="ended")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert done.stderr == "mlops: Your sign-in has ended: run `mlops login` again.\n"
    assert ended.recorded() == before
    assert len(journal(ended)) == asked, "GitHub and Azure have not been asked for anything"
    assert ended.ended.read_text() == kept


def test_after_it_login_works_as_ever(signed_in):
    signed_in.refresh()
    assert signed_in.mlops("whoami").returncode == REFUSED
    assert signed_in.login()[0] == 0
    assert signed_in.mlops("whoami").returncode == 0


def test_a_sign_in_that_is_too_old_says_so(signed_in):
    done = signed_in.mlops("approve", "1", *REASON, MLOPS_SIGNIN__MAX_AGE="0.001")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert done.stderr == "mlops: Your sign-in is too old for this console: run `mlops login` again.\n"


def test_a_token_of_another_key_asks_for_a_new_sign_in(signed_in):
    """As after a tenant has rolled its keys and forgotten the old one."""
    kept = json.loads(signed_in.profile.read_text())
    claims = jwt.decode(kept["id_token"], options={"verify_signature": False})
    header = {"kid": jwt.get_unverified_header(kept["id_token"])["kid"]}
    forged = jwt.encode({**claims, "exp": claims["exp"] + 3600}, "x" * 32, algorithm="HS256", headers=header)
    signed_in.profile.write_text(json.dumps({**kept, "id_token": forged}))
    signed_in.good = False
    done = signed_in.mlops("whoami")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert len(done.stderr.splitlines()) == 1
    assert "run `mlops login` again" in done.stderr


@pytest.mark.parametrize("path", ["/oauth2/v2.0/token", "/discovery/v2.0/keys", "openid-configuration"])
def test_a_provider_that_fails_for_a_while_has_ended_nothing(signed_in, path):
    fault = {"service": "identity", "path": path, "status": 503, "requests": 20}
    faults = f"{signed_in.world.browser_url}/control/faults"
    httpx.post(faults, json=fault, timeout=20).raise_for_status()
    kept = signed_in.profile.read_text()
    done = signed_in.mlops("whoami")
    httpx.delete(faults, timeout=20).raise_for_status()
    assert (done.returncode, done.stdout) == (REMOTE, "")
    assert len(done.stderr.splitlines()) == 1
    assert "mlops login" not in done.stderr
    if "keys" not in path:
        assert signed_in.profile.read_text() == kept
    assert signed_in.mlops("whoami").returncode == 0


def test_commands_at_once_share_one_sign_in(signed_in):
    """Each renews it; the provider takes a refresh token once, and none of them asks the person."""
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: signed_in.mlops("whoami"), range(3)))
    assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * 3
    assert {path.name for path in signed_in.profile.parent.iterdir()} <= {"default.json", "ended.json"}


@pytest.mark.parametrize(
    ("roles", "command", "code", "said"),
    [
        ("viewer", ("hold", *REASON), REFUSED, "takes the role"),
        ("auditor", ("setup", "take", "a-finding", *REASON), REFUSED, "takes the role"),
        ("operator", ("hold", *REASON), 0, ""),
        ("operator", ("release-hold", *REASON), REFUSED, "takes the role lead"),
        ("lead", ("release-hold", *REASON), 0, ""),
        ("", ("whoami",), REFUSED, "role in this console"),
    ],
)
def test_a_command_asks_for_the_roles_of_now(signed_in, roles, command, code, said):
    def assign(names):
        answer = {"account": "lead", "roles": names}
        httpx.post(f"{signed_in.world.browser_url}/control/roles", json=answer, timeout=20).raise_for_status()

    # A renewed sign-in brings roles that were given; those that were taken away count without one.
    assign(roles)
    assert signed_in.login()[0] in {0, REFUSED}
    try:
        done = signed_in.mlops(*command)
    finally:
        assign("lead")
        signed_in.good = False
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
