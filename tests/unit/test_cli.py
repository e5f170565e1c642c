"""The command line where no service is needed: settings, usage, and how outside text is printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from backend.cli.output import print_json, print_table
from backend.cli.printable import printable, printable_text
from sandbox.demo.settings_file import Ports, write_settings

ROOT = Path(__file__).parents[2]
USAGE, REFUSED, REMOTE, CONFIGURATION = 64, 2, 3, 78
SDKS = {"azure.ai.ml", "azure.core", "azure.identity", "azure.monitor.query", "github", "mlflow", "numpy"}
PROGRAMS = ("mlops-console", "mlops-ci-dev", "mlops-ci-prod")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The settings of a world that nobody has started."""
    folder = tmp_path_factory.mktemp("home")
    secrets = {name: {"client_id": "c", "secret": "s"} for name in PROGRAMS}
    secrets["github"] = {"client_id": "c", "client_secret": "s", "app_id": 1, "installation_id": 2}
    secrets["github"]["private_key"] = new_private_key()
    (folder / "sandbox").mkdir()
    (folder / "sandbox" / "secrets.json").write_text(json.dumps(secrets))
    (folder / "sandbox" / "tls").mkdir()
    trustme.CA().cert_pem.write_to_path(str(folder / "sandbox" / "tls" / "ca.pem"))
    write_settings(folder, Ports(console=1, sandbox=1, browser=1))
    return folder


def new_private_key():
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def mlops(python, home, *arguments, **env):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
    return subprocess.run(
        [str(python), "-m", "backend", *arguments], cwd=ROOT, env={**clean, "MLOPS_HOME": str(home), **env},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"diabetes-endpoint"', '"diabetes endpoint"'), "projects.diabetes.endpoint"),
        (lambda text: text.replace("instance_discovery = false", 'instance_discovery = "perhaps"'), "instance_disc"),
        (lambda text: text.replace("tenant_id", "tenantid"), "identity.tenant"),
        (lambda text: text.replace('repository = "hospital/diabetes"', 'repository = "diabetes"'), "repository"),
        (lambda text: text.replace('default_project = "diabetes"', 'default_project = "other"'), "default_project"),
        (lambda text: text + "\n[broken", "not valid TOML"),
        (lambda text: text.replace("ca.pem", "none.pem"), "cloud.ca_bundle: there is no file"),
        (lambda text: text.replace("BEGIN RSA", "BEGIN DSA"), "github.app_private_key: is no private key in PEM"),
        (lambda text: text.replace("installation_id =", 'installation_token = "ghs_x"\n#'), "github.installation_id"),
    ],
)
def test_a_wrong_setting_is_named(resident, home, tmp_path, change, words):
    (tmp_path / "mlops.toml").write_text(change((home / "mlops.toml").read_text()))
    done = mlops(resident, tmp_path, "models", "list", "--json")
    assert (done.returncode, done.stdout) == (CONFIGURATION, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_settings_it_says_where_they_would_be(resident, tmp_path):
    done = mlops(resident, tmp_path, "whoami", MLOPS_SETTINGS=str(tmp_path / "none.toml"))
    assert done.returncode == CONFIGURATION
    assert "no settings file at" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("frobnicate",), ("promote",), ("pr", "show", "x"), ("pr", "merge", "1"), ("audit", "list", "--limit", "0")],
)
def test_wrong_usage_is_64(resident, home, arguments):
    done = mlops(resident, home, *arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "Usage:" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("whoami",), REFUSED, "run `mlops login` first"),
        (("promote", "1", "--reason", "a reason that is long"), REFUSED, "run `mlops login` first"),
        (("endpoint", "show", "my endpoint"), REFUSED, "'my endpoint' is no endpoint name"),
        (("login",), REMOTE, "The identity provider does not answer"),
        (("pr", "list"), REMOTE, "GitHub"),
        (("ci", "data"), REMOTE, "Azure ML"),
    ],
)
def test_refused_and_unreachable_are_told_apart(resident, home, arguments, code, words):
    done = mlops(resident, home, *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"id_token": "x.y.z"}', "{}"])
def test_a_broken_sign_in_file_asks_for_a_new_one(resident, home, kept):
    profile = home / "cli" / "broken.json"
    profile.parent.mkdir(exist_ok=True)
    profile.write_text(kept)
    done = mlops(resident, home, "whoami", MLOPS_PROFILE="broken")
    assert done.returncode in (REFUSED, REMOTE), done.stderr  # without the identity provider some cannot be judged
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("mlops: ")


@pytest.mark.parametrize(
    ("arguments", "code", "sdks"),
    [
        (("promotions",), 0, set()),
        (("audit", "list"), 0, set()),
        (("endpoint", "proof"), 0, set()),
        (("worker", "--help"), 0, set()),
        (("whoami",), REFUSED, set()),
        (("pr", "list"), REMOTE, {"github"}),
        (("models", "list"), REMOTE, {"azure.core"}),
    ],
)
def test_a_command_loads_no_sdk_that_it_does_not_ask(home, arguments, code, sdks):
    """What of Azure ML is asked loads its SDK, two seconds of a core; what stands in our own records loads none.

    While a private cloud does not answer, nothing is loaded for it but the words of its errors.
    """
    done = mlops(sys.executable, home, *arguments, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == code, done.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "click" in loaded
    assert loaded & SDKS == sdks


def test_a_worker_without_services_goes_on_and_says_so(home):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
    worker = subprocess.Popen(
        [sys.executable, "-m", "backend", "worker"], cwd=ROOT, env={**clean, "MLOPS_HOME": str(home)},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert worker.stderr is not None
    with worker.stderr:
        line = next(line for line in worker.stderr if "not connected yet" in line)
        assert worker.poll() is None
        worker.terminate()
        rest = worker.stderr.read()
    assert worker.wait(timeout=30) == 0
    assert "Traceback" not in line + rest


def test_outside_text_cannot_steer_a_terminal():
    assert printable("a\x1b[31mred\u202e\x07\n") == "a [31mred   "
    assert len(printable("x" * 10_000)) == 120
    assert printable_text("one\x1b\ntwo\r\nthree") == "one \ntwo\nthree"
    assert len(printable_text("x" * 100_000)) <= 20_001


def test_json_is_one_line_of_ascii(capsys):
    print_json({"title": "é\u202e\x1b" + "x" * 10_000})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert json.loads(out)["title"].startswith("é\u202e\x1b")


def test_a_table_for_a_pipe_keeps_ids_whole(capsys):
    print_table(("Id", "Title"), [("train-" + "0" * 90, "t" * 110), (2, "\x1b[2J")], "nothing")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "train-" + "0" * 90 in lines[1]
    assert "\x1b" not in lines[2]
