"""Setup through the command line, against a world with nothing in it."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from sandbox.demo.first_world import REPOSITORY, FirstWorld
from sandbox.demo.launch import CHECKOUT
from sandbox.demo.session import CommandFailed, Person
from sandbox.demo.settings_file import Ports, write_settings

pytestmark = pytest.mark.timeout(600)
REFUSED = 2


@pytest.fixture(scope="module")
def ground(make_sandbox, tmp_path_factory, resident):
    """A world without workspaces and without a repository; lead is signed in, nobody else."""
    home = tmp_path_factory.mktemp("ground")
    sandbox = make_sandbox("--poll-after-ms", "50", home=home / "sandbox")
    ports = Ports(console=1, sandbox=sandbox.port, browser=sandbox.browser_port)
    write_settings(home, ports)
    world = FirstWorld(CHECKOUT, home, ports, lambda _text, _started: None, lambda: None, resident)
    world.lead.sign_in()
    for name, rows, seed in (("dev", 60, 1), ("prod", 60, 2)):
        command = [sys.executable, "-m", "training.cohort", "--rows", str(rows), "--seed", str(seed)]
        subprocess.run([*command, "--out", str(home / f"{name}.csv")], cwd=CHECKOUT, check=True)
    return world


def files(world, dev="dev", prod="prod"):
    named = (("--dev-data", dev), ("--prod-data", prod))
    return [word for option, name in named if name for word in (option, str(world.home / f"{name}.csv"))]


def plan(world, **chosen):
    found = world.lead.read("setup", "plan", *files(world, **chosen))["resources"]
    return {(resource["kind"], resource["name"]): resource for resource in found}


def apply(world, *, person=None, **chosen):
    return (person or world.lead).mlops("setup", "apply", "--yes", *files(world, **chosen), env=world.setup_env)


def refusal(world, **chosen):
    with pytest.raises(CommandFailed) as failed:
        apply(world, **chosen)
    return failed.value


def push_first_commit(world, folder):
    folder.mkdir()
    (folder / ".github").mkdir()
    shutil.copy(CHECKOUT / ".github" / "CODEOWNERS", folder / ".github")
    world.git(folder, "init", "-q", "-b", "main")
    world.commit(folder, "Begin")
    world.git(folder, "push", "-q", world.remote(world.lead), "main")


def test_a_file_that_is_no_table_is_refused_before_anything_is_made(ground):
    (ground.home / "ragged.csv").write_text("PatientID,BMI\n1,20.5\n2\n")
    failed = refusal(ground, dev="ragged")
    assert failed.code == REFUSED
    assert "ragged.csv, line 3: 1 values under 2 columns" in failed.output


def test_who_may_not_apply_is_told_so(ground):
    viewer = Person("viewer", ground.lead._python, CHECKOUT, ground.home, ground.ports, ground.setup_env)
    viewer.sign_in()
    with pytest.raises(CommandFailed) as failed:
        apply(ground, person=viewer)
    assert failed.value.code == REFUSED
    assert "viewer" in failed.value.output
    assert "apply setup" in failed.value.output


def test_from_nothing_to_declared_to_drift_and_back(ground, tmp_path):
    empty = plan(ground)
    assert {resource["change"] for resource in empty.values()} == {"create"}
    assert [name for kind, name in empty if kind == "workspace"] == ["diabetes-dev", "diabetes-prod"]
    assert {name for kind, name in empty if kind == "endpoint"} == {"diabetes-endpoint", "diabetes-test"}
    (ruleset,) = [key for key in empty if key[0] == "ruleset"]
    assert empty[ruleset]["note"] == "waits for the first push of main"

    stopped = refusal(ground, prod="")
    assert stopped.code == REFUSED
    assert "The data asset diabetes-prod does not exist yet: give its file" in stopped.output
    half = plan(ground)
    assert half["data asset", "diabetes-dev"]["change"] == "unchanged"
    assert half["data asset", "diabetes-prod"]["change"] == "create"
    assert half["endpoint", "diabetes-endpoint"]["change"] == "create"

    told = apply(ground)
    assert "done  data asset diabetes-dev (diabetes-dev): as declared" in told
    assert "done  data asset diabetes-prod (diabetes-prod): created" in told
    assert f"left  ruleset {ruleset[1]}" in told
    push_first_commit(ground, tmp_path / "repository")
    assert f"done  ruleset {ruleset[1]} ({REPOSITORY}): created" in apply(ground)
    left = {key: resource["fields"] for key, resource in plan(ground).items() if resource["change"] != "unchanged"}
    assert left == {}

    # The two data assets really differ: the production file in dev's place is a change.
    swapped = plan(ground, dev="prod")["data asset", "diabetes-dev"]
    assert swapped["change"] == "change"
    (digest,) = swapped["fields"]
    assert digest["name"] == "digest"
    assert digest["now"].startswith("sha256:")
    assert digest["now"] != digest["declared"]

    rulesets = ground.lead.github(f"/repos/{REPOSITORY}/rulesets")
    ids = {found["name"]: found["id"] for found in rulesets}
    (anchors,) = [name for kind, name in empty if kind == "tag ruleset"]
    assert ids.keys() == {ruleset[1], anchors}
    path = f"/repos/{REPOSITORY}/rulesets/{ids[ruleset[1]]}"
    rules = [rule for rule in ground.lead.github(path)["rules"] if rule["type"] != "required_status_checks"]
    ground.lead.github(path, "PUT", {"name": ruleset[1], "rules": rules})
    drifted = plan(ground)[ruleset]
    assert drifted["change"] == "change"
    wrong = {field["name"]: field for field in drifted["fields"] if field["change"] == "change"}
    assert (wrong["checks"]["now"], wrong["checks"]["declared"]) == ("none", "quality-gate")
    assert "changed: " in apply(ground)
    actions = [entry["action"] for entry in ground.lead.read("audit", "list", "--actor", "lead", "--limit", "200")]
    assert "applied setup" in actions
    assert "could not apply setup" in actions
