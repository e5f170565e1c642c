"""Every reading command against a made world, and what the deciding ones refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import click
import pytest
from playwright._impl._driver import compute_driver_executable

from backend.cli import commands
from backend.domain.contract import Language
from sandbox.demo.branches import Branch
from sandbox.demo.session import CommandFailed

REFUSED, REMOTE = 2, 3
READS = {
    ("whoami",): {"name", "roles", "github"},
    ("pr", "list"): [],
    ("runs", "list"): [{"id", "workspace", "state", "tags", "metrics"}],
    ("runs", "requests"): [],
    ("models", "list"): [{"name", "version", "digest", "state", "lineage"}],
    ("models", "show", "v1"): {"version", "digest", "state", "dossier"},
    ("models", "card", "v1"): {"model", "version", "parts", "problems", "against", "differences"},
    ("contract", "show", "v1"): {"model", "version", "digest", "threshold", "contract"},
    ("contract", "diff", "v1", "diabetes-endpoint"): [],
    ("contract", "changes"): [{"id", "at", "version", "before", "changes", "known"}],
    ("contract", "keys"): {"endpoint", "keys", "unstated", "denied", "data_until"},
    ("decision", "1"): {"effect", "findings", "blockers", "to_acknowledge", "refusal"},
    ("evidence", "replay", "1"): {"recorded", "lines", "same"},
    ("endpoint", "show"): {"name", "state", "traffic", "deployments", "scoring_uri"},
    ("endpoint", "score"): {"deployment", "model_version", "digest", "probability", "threshold"},
    ("endpoint", "proof"): [{"endpoint", "state", "reason", "expected", "served", "proven_at", "limits"}],
    ("events", "list"): [],
    ("alerts", "list"): [],
    ("alerts", "silences"): [],
    ("slo",): {"declared", "standing"},
    ("setup", "findings"): [],
    ("behaviour", "show"): {"behaviour", "signals", "monitor_problem"},
    ("behaviour", "retrainings"): [],
    ("drill", "list"): {"drill", "controls"},
    ("notifications", "list"): [],
    ("notifications", "targets"): [],
    ("doctor",): {"checked"},
    ("assess",): {"checked"},
    ("approvers", "list"): {"rules", "delegations"},
    ("break-glass", "list", "1"): [],
    ("promotions",): [{"id", "kind", "phase", "reason", "requested_by", "target"}],
    ("audit", "list"): [{"sequence", "at", "actor", "action", "subject", "reason"}],
    ("audit", "at", "2026-01-01"): [{"moment", "sentence", "shares", "changing"}],
    ("audit", "verify"): {"whole", "entries", "anchors"},
}
FOLLOWED = {
    *("behaviour profile", "pr show", "promotions show", "setup plan"),
    *("runs show", "runs compare", "runs remarks"),
}
"""Reads of what another command names; each has its test below, `setup plan` in test_setup.py."""
WRITES = {
    *("login", "train", "approve", "reject", "promote", "rollback", "pause", "resume", "abort", "stage", "promote-now"),
    *("request-changes", "hold", "quarantine", "approvers delegate", "break-glass ask", "break-glass confirm"),
    *("pr approve", "pr merge", "pr request-changes", "pr rerun", "events take", "events explain"),
    *("alerts ack", "alerts own", "alerts close", "alerts silence", "alerts lift"),
    "contract rotate",
    *("runs start", "runs retry", "runs reproduce"),
    *("setup take", "setup fix", "adopt", "drill run", "notifications read", "notifications retry"),
    *("behaviour accept", "behaviour dismiss", "labels import"),
}
RUN = {
    Language.CURL: ["bash"],
    Language.PYTHON: [sys.executable],
    Language.JAVASCRIPT: [compute_driver_executable()[0]],
}
"""Node comes with Playwright."""
STRANGE = "\x1b[2J\u202e**bold** <script>" + "x" * 10_000


def run(world, *arguments, **env):
    """The command as the lead; nothing is raised."""
    lead = world.lead
    return subprocess.run(
        [str(lead._python), "-m", "backend", *arguments], cwd=lead.checkout, env={**lead._env, **env},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def with_json(command, *names):
    """Every command that takes `--json`."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from with_json(command.get_command(context, name), *names, name)
    if any(option.name == "as_json" for option in command.params):
        yield " ".join(names)


DECLARED = set(with_json(commands))


def test_no_read_is_left_out():
    read = {next(name for name in DECLARED if words[: len(name.split())] == tuple(name.split())) for words in READS}
    assert read | FOLLOWED | WRITES == DECLARED


@pytest.mark.parametrize("command", READS, ids=" ".join)
def test_each_read_prints_one_json_document_and_nothing_else(made_world, command):
    done = run(made_world, *command, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document, wanted = json.loads(done.stdout), READS[command]
    if isinstance(wanted, list):
        assert isinstance(document, list)
        if wanted:
            assert wanted[0] <= document[0].keys()
    else:
        assert wanted <= document.keys()


def test_a_promotion_is_told_step_by_step(made_world):
    newest = made_world.lead.read("promotions")[0]
    shown = json.dumps(made_world.lead.read("promotions", "show", newest["id"]))
    assert newest["id"] in shown
    assert "create_deployment" in shown


def test_the_worker_looks_at_what_serves_and_knows_what_it_was_trained_on(made_world):
    """The data profile travels from the training run through the registry to the worker's first look."""
    deadline = time.monotonic() + 90
    while (shown := made_world.lead.read("behaviour", "show"))["behaviour"] is None:
        assert time.monotonic() < deadline, shown
        time.sleep(1)
    watched = {"drift", "data-quality", "refused-requests", "estimated-performance", "realised-performance", "monitor"}
    assert {one["rule"] for one in shown["signals"]} == watched
    described = made_world.lead.read("behaviour", "profile", "1")
    assert described["duplicates"]["shared_groups"] == 0
    (version,) = [one for one in made_world.lead.read("models", "list") if one["version"] == "1"]
    assert version["lineage"]["data_profile"] == shown["behaviour"]["profile"]


def test_the_ledger_is_anchored_answers_and_leaves_as_files(made_world, tmp_path):
    """The worker anchors the first promotion by itself; what an auditor then asks for needs no service."""
    deadline = time.monotonic() + 90
    while (anchors := made_world.lead.read("audit", "verify")["anchors"])["agreeing"] == 0:
        assert time.monotonic() < deadline, anchors
        time.sleep(1)
    assert (anchors["problem"], anchors["unread"]) == ("", "")
    shown = run(made_world, "audit", "verify").stdout
    assert "Whole: " in shown
    assert "Anchors: " in shown

    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    (answer,) = made_world.lead.read("audit", "at", now)
    serving = made_world.lead.read("endpoint", "show")["traffic"]
    assert {share["deployment"]: share["weight"] for share in answer["shares"]} == {
        n: w for n, w in serving.items() if w
    }
    assert answer["shares"][0]["commit"]
    assert [row["actor"] for row in answer["shares"][0]["approved"]] == ["lead"]

    ledger, page = tmp_path / "ledger.jsonl", tmp_path / "v1.html"
    assert run(made_world, "audit", "export", "--out", str(ledger)).returncode == 0
    assert run(made_world, "audit", "verify", "--file", str(ledger)).stdout.startswith("Whole: ")
    assert run(made_world, "models", "dossier", "1", "--out", str(page)).returncode == 0
    assert answer["shares"][0]["digest"] in page.read_text()


def test_the_card_and_the_bill_of_materials_of_what_serves_are_whole(made_world, tmp_path):
    page, bill = tmp_path / "card.html", tmp_path / "sbom.json"
    assert run(made_world, "models", "card", "1", "--out", str(page)).returncode == 0
    assert "Helps a practitioner decide" in page.read_text()
    shown = run(made_world, "models", "card", "1")
    assert "made by its run; none runs code when loaded" in shown.stdout
    assert run(made_world, "models", "card", "1", "--against", "1").stdout.startswith("v1 against v1: 0 of ")
    assert run(made_world, "models", "sbom", "1", "--out", str(bill)).returncode == 0
    assert json.loads(bill.read_text())["bomFormat"] == "CycloneDX"
    assert json.loads(run(made_world, "models", "sbom", "1").stdout)["specVersion"] == "1.6"


@pytest.mark.parametrize("language", Language)
def test_a_client_runs_against_the_test_endpoint_as_it_is_copied(made_world, language, tmp_path):
    """The whole first call: the client, the address and the key, each from its command."""
    file = tmp_path / f"client.{language.suffix}"
    file.write_text(run(made_world, "contract", "client", language.value).stdout)
    key = run(made_world, "contract", "key", "--only").stdout.strip()
    url = made_world.lead.read("endpoint", "show", "diabetes-test")["scoring_uri"]
    trusted = str(made_world.home / "sandbox" / "tls" / "ca.pem")
    names = ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
    env = {**os.environ, "MLOPS_URL": url, "MLOPS_KEY": key, **dict.fromkeys(names, trusted)}
    done = subprocess.run([*RUN[language], str(file)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    example = made_world.lead.read("contract", "show", "v1")["contract"]["examples"][0]
    assert answer["predictions"][0]["probability"] == pytest.approx(example["probability"], abs=1e-9)
    assert answer["model_version"] == "1"


def test_the_worker_replaces_a_key_with_its_own_rights(made_world):
    def key(which):
        return run(made_world, "contract", "key", "diabetes-test", "--which", which, "--only").stdout.strip()

    before = key("primary"), key("secondary")
    why = ("--reason", "The second key was shown to a stranger", "--anyway")
    made_world.lead.mlops("contract", "rotate", "diabetes-test", "secondary", *why)
    end, told = time.monotonic() + 60, set()
    while not told & {"key.rotation_done", "key.rotation_failed"} and time.monotonic() < end:
        time.sleep(0.5)
        entries = made_world.lead.read("audit", "list", "--subject", "endpoint/diabetes-test")
        told = {entry["action"] for entry in entries}
    assert "key.rotation_done" in told
    assert key("primary") == before[0]
    assert key("secondary") != before[1]


def test_with_github_away_the_chain_is_proved_and_the_anchors_are_said_to_be_unread(made_world):
    done = run(made_world, "audit", "verify", MLOPS_GITHUB__API_URL="https://localhost:9/api/v3")
    assert done.returncode == 0
    assert done.stdout.startswith("Whole: ")
    assert "Anchors unread, so only the chain itself is proved: GitHub" in done.stdout


def test_tables_keep_whole_ids_in_a_pipe(made_world):
    run_id = made_world.lead.read("runs", "list")[0]["id"]
    done = run(made_world, "runs", "list")
    assert any(line.startswith(f"{run_id} ") for line in done.stdout.splitlines()[1:])
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("models", "show", "9"), "There is no model version 9; registered: "),
        (("endpoint", "show", "nothing"), "There is no endpoint nothing: `mlops setup apply` creates"),
        (("endpoint", "score", "--endpoint", "a b"), "'a b' is no endpoint name"),
        (("pr", "show", "9999"), "9999"),
        (("runs", "show", "nowhere", "x"), "There is no workspace nowhere; the declared ones are"),
        (("runs", "list", "--search", "auc > 0.9 OR auc < 0.1"), "OR at character 11: conditions are joined by AND"),
        (("runs", "compare", "nowhere/x", "nowhere/y"), "No run nowhere/x is known"),
        (("runs", "start", "--branch", "none", "--reason", "It is not there."), "There is no branch none"),
        (("approve", "1", "--reason", "short"), "A reason of at least 10 characters"),
        (("pause", "--reason", "nothing to be paused"), "Nothing is being promoted on diabetes-endpoint"),
    ],
)
def test_a_refusal_says_what_to_do_and_ends_with_2(made_world, arguments, words):
    done = run(made_world, *arguments)
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert done.stderr.startswith("mlops: ")
    assert words in done.stderr


def test_one_run_is_one_json_document(made_world):
    first = made_world.lead.read("runs", "list")[0]
    shown = made_world.lead.read("runs", "show", first["workspace"], first["id"])
    assert first["id"] in json.dumps(shown)


def test_runs_are_found_compared_and_remarked_on(made_world):
    lead = made_world.lead
    newest, *_ = found = lead.read("runs", "list", "--search", "metrics.auc > 0.5 AND state = completed")
    assert [run["id"] for run in found] == [run["id"] for run in lead.read("runs", "list", "--search", "auc>0.5")]
    key = f"{newest['workspace']}/{newest['id']}"
    assert lead.read("runs", "compare", key, key) == []
    assert run(made_world, "runs", "label", *key.split("/"), "keep").returncode == 0
    (remark,) = lead.read("runs", "remarks", *key.split("/"))
    assert [r["id"] for r in lead.read("runs", "list", "--search", "label=keep")] == [newest["id"]]
    assert run(made_world, "runs", "unmark", remark["id"]).returncode == 0


@pytest.mark.recovery
def test_runs_are_made_again_and_swept(made_world):
    lead = made_world.lead
    newest, *_ = lead.read("runs", "list", "--search", "metrics.auc > 0.5 AND state = completed")
    key = f"{newest['workspace']}/{newest['id']}"
    again = ("--reason", "Does it say the same?", "--key", "same-again")
    assert len(lead.read("runs", "reproduce", *key.split("/"), *again)) == 1
    (swept, _) = lead.read("runs", "start", "--branch", "main", "--set", "logistic.reg_rate=0.5,5", "--reason",
                           "A look at the regularisation.", "--key", "swept")  # fmt: skip
    assert swept["params"] == {"logistic.reg_rate": 0.5}
    deadline = time.monotonic() + 120
    done = []
    while len(done) < 3:
        assert time.monotonic() < deadline, lead.read("runs", "requests")
        time.sleep(1)
        names = [one["run"] for one in lead.read("runs", "requests") if one["run"]]
        done = [r for r in lead.read("runs", "list", "--search", "state=completed") if r["id"] in names]
    reproduced = next(r for r in done if r["tags"].get("reproduces") == newest["id"])
    assert reproduced["metrics"] == newest["metrics"]
    assert {r["params"]["reg_rate"] for r in done if r["tags"].get("parent")} == {"0.5", "5.0"}
    (judged,) = lead.read("runs", "compare", *[f"{r['workspace']}/{r['id']}" for r in done if r["tags"].get("parent")])
    assert {d["metric"] for d in judged["differences"]} >= {"auc", "brier"}


def test_an_unreachable_service_ends_with_3_and_names_it(made_world):
    done = run(made_world, "pr", "list", MLOPS_GITHUB__API_URL="https://localhost:1/api/v3")
    assert (done.returncode, done.stdout) == (REMOTE, "")
    assert "GitHub" in done.stderr
    wrong = run(made_world, "models", "list", MLOPS_IDENTITY__CLIENT_SECRET="wrong")
    assert wrong.returncode == REMOTE
    assert "Traceback" not in wrong.stderr


def test_a_strange_title_is_shown_and_does_nothing(made_world):
    def change(tree):
        (tree / "note.md").write_text("strange\n")

    number = made_world.open_pull_request(Branch("strange", "feature/strange", STRANGE, STRANGE, change))
    line = next(line for line in run(made_world, "pr", "list").stdout.splitlines() if line.startswith(f"{number} "))
    shown = run(made_world, "pr", "show", str(number)).stdout
    assert "**bold** <script>xxx" in line
    assert len(line) < 400
    assert not {"\x1b", "\u202e"} & set(line + shown)
    told = {pull["number"]: pull["title"] for pull in made_world.lead.read("pr", "list")}
    assert set(made_world.lead.read("pr", "show", str(number))) >= {"summary", "files", "blockers"}
    assert told[number].startswith(STRANGE.strip()[:100])
    made_world.scientist.sign_in()
    with pytest.raises(CommandFailed) as failed:
        made_world.scientist.mlops("pr", "approve", str(number), "--reason", "It is my own pull request.")
    assert failed.value.code == REFUSED
