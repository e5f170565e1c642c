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
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_the_security_audit_finds_nothing():
    command = [TOOLS / "zizmor", "--offline", "--no-progress", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
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
