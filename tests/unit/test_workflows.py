"""The repository's own workflows: valid, audited, without logic, and runnable by the runner we ship."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sandbox.actions.workflow_file import read_workflow

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TOOLS = Path(sys.executable).parent


def test_both_workflows_are_here():
    assert [path.name for path in WORKFLOWS] == ["pull-request.yml", "retrain.yml"]


def test_they_fit_githubs_schema():
    command = [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_security_audit_finds_nothing():
    command = [TOOLS / "zizmor", "--offline", "--no-progress", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_can_run_on_our_runner(path):
    assert read_workflow(path.name, path.read_text()).jobs


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_steps_are_one_command_and_actions_are_pinned(path):
    document = yaml.safe_load(path.read_text())
    assert document["permissions"] == {}
    for job in document["jobs"].values():
        for step in job["steps"]:
            if "run" in step:
                assert "\n" not in step["run"].strip(), "logic belongs into the command line"
                assert "${{" not in step["run"], "inputs go through env"
            else:
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_starts_from_a_comment_or_with_a_forks_code_and_our_rights(path):
    text = path.read_text()
    assert "pull_request_target" not in text
    assert "issue_comment" not in text


def test_the_required_check_always_reports():
    gate = yaml.safe_load((ROOT / ".github/workflows/pull-request.yml").read_text())["jobs"]["quality-gate"]
    assert gate["if"] == "always()"


def test_an_owner_of_everything_is_never_alone():
    lines = (ROOT / ".github/CODEOWNERS").read_text().splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert rules[0][0] == "*"
    assert all(len(owners) >= 2 for _, *owners in rules)


def test_checks_without_a_cloud_need_their_small_lock_alone():
    """The jobs that install requirements/ci.txt run commands that import nothing else."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/pull-request.yml").read_text())["jobs"]
    commands = {
        step["run"].removeprefix("python -m backend ").split(" --")[0]
        for job in jobs.values()
        if any("requirements/ci.txt" in step.get("run", "") for step in job["steps"])
        for step in job["steps"]
        if step.get("run", "").startswith("python -m backend")
    }
    assert commands == {"ci changes", "ci lint", "ci gate"}
    script = (
        "import sys, backend.cli, backend.cli.ci\n"
        "print(*sorted({n.partition('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    foreign = {name for name in done.stdout.split() if not name.startswith(("_", "sitecustomize"))}
    assert foreign == {"backend", "click"}


def test_the_small_lock_holds_what_the_whole_one_does():
    def pins(name):
        text = (ROOT / "requirements" / name).read_text()
        return {block.split()[0]: block for block in re.split(r"\n(?=\S)", text.strip())}

    small, whole = pins("ci.txt"), pins("console.txt")
    assert small
    assert {name: whole.get(name) for name in small} == small
