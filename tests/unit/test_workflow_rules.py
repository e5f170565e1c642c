"""Workflow files that would let somebody in: each is found, with its line, what it allows and what to write."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from backend.cli.ci_workflows import lint
from backend.cli.workflow_rules import RULES, problems

ROOT = Path(__file__).parents[2]
PIN = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
GOOD = f"""\
name: good
on:
  pull_request:
permissions: {{}}
jobs:
  one:
    runs-on: ubuntu-24.04
    permissions:
      contents: read
    steps:
      - uses: {PIN}
        with:
          persist-credentials: false
      - run: "true"
"""


def changed(before: str, after: str) -> str:
    assert GOOD.count(before) == 1
    return GOOD.replace(before, after)


STEAL = "pull_request_target:\n  push:"
HEAD = "          persist-credentials: false\n          ref: ${{ github.event.pull_request.head.sha }}"
CASES = [
    ("comment deploys", changed("pull_request:", "issue_comment:"), "comment-trigger", 3),
    ("a list of events", changed("on:\n  pull_request:", "on: [push, issue_comment]"), "comment-trigger", 2),
    ("a single event", changed("on:\n  pull_request:", "on: issue_comment"), "comment-trigger", 2),
    ("target", changed("pull_request:", STEAL), "pull-request-target", 3),
    ("a tag", changed(PIN, "actions/checkout@v4"), "unpinned-action", 11),
    ("a branch", changed(PIN, "somebody/action@main"), "unpinned-action", 11),
    ("a short commit", changed(PIN, "actions/checkout@11bd719"), "unpinned-action", 11),
    ("an image's tag", changed(PIN, "docker://alpine:3"), "unpinned-action", 11),
    ("a called workflow", GOOD + "  two:\n    uses: o/r/.github/workflows/x.yml@v1\n", "unpinned-action", 16),
    ("no permissions", changed("permissions: {}\n", ""), "permissions", 1),
    ("write-all", changed("permissions: {}", "permissions: write-all"), "permissions", 4),
    ("a right for all", changed("permissions: {}", "permissions: {contents: write}"), "permissions", 4),
    (
        "every right of a job",
        changed("    permissions:\n      contents: read", "    permissions: write-all"),
        "permissions",
        8,
    ),
    (
        "production in a branch",
        changed("    steps:", "    environment: production\n    steps:"),
        "production-credentials",
        10,
    ),
    (
        "production's identity",
        changed("    steps:", "    env: {ID: '${{ vars.AZURE_CI_PROD_CLIENT_ID }}'}\n    steps:"),
        "production-credentials",
        6,
    ),
]


@pytest.mark.parametrize(("text", "rule", "line"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_way_in_is_found_where_it_is(text, rule, line):
    (found,) = [problem for problem in problems("w.yml", text) if problem.title == f"workflow {rule}"]
    assert (found.file, found.line) == ("w.yml", line)
    assert found.message.startswith(f"w.yml:{line}: ")
    sentences = re.split(r"(?<=[.])\s", found.message)
    assert len(sentences) >= 3, "what it is, what it allows, and what to write"


def test_the_code_of_a_pull_request_never_meets_secrets():
    for event in ("pull_request_target", "issue_comment", "workflow_run"):
        text = changed("pull_request:", f"{event}:").replace("          persist-credentials: false", HEAD)
        assert "workflow head-with-secrets" in {problem.title for problem in problems("w.yml", text)}, event
    fetched = changed('- run: "true"', "- run: git fetch origin refs/pull/1/head")
    fetched = fetched.replace("pull_request:", "issue_comment:")
    assert "workflow head-with-secrets" in {problem.title for problem in problems("w.yml", fetched)}


def test_what_is_right_is_not_complained_of():
    assert problems("w.yml", GOOD) == []
    assert problems("w.yml", GOOD.replace("          persist-credentials: false", HEAD)) == []
    assert problems("w.yml", changed(PIN, "./.github/actions/ours")) == []
    image = f"docker://alpine@sha256:{'0' * 64}"
    assert problems("w.yml", changed(PIN, image)) == []


@pytest.mark.parametrize("text", ["", "[]", "jobs: 3", "on:\njobs:\n  a: b\n", "a: [", "jobs: {a: {steps: [x]}}"])
def test_what_is_no_workflow_is_told_and_breaks_nothing(text):
    assert all(problem.file == "w.yml" for problem in problems("w.yml", text))


def test_each_rule_has_a_case_that_it_finds():
    found = {p.title for case in CASES for p in problems("w.yml", case[1])}
    assert len(RULES) == 6
    assert len(found) >= 5


def folder(tmp_path, **files):
    place = tmp_path / ".github" / "workflows"
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / f"{name}.yml").write_text(text)
    return tmp_path


def test_the_schema_and_the_audit_say_what_our_rules_do_not(tmp_path):
    injected = changed('- run: "true"', '- run: echo "${{ github.event.pull_request.title }}"')
    kept = changed("        with:\n          persist-credentials: false\n", "")
    misspelt = changed("runs-on: ubuntu-24.04", "runs-onn: ubuntu-24.04")
    found = lint(folder(tmp_path, injected=injected, kept=kept, misspelt=misspelt, tag=CASES[4][1]))
    told = {(Path(problem.file).stem, problem.title, problem.line) for problem in found}
    assert ("injected", "workflow template-injection", 14) in told
    assert ("kept", "workflow artipacked", 11) in told
    assert any(name == "misspelt" and title == "workflow schema" for name, title, _ in told)
    assert [(title, line) for name, title, line in told if name == "tag"] == [("workflow unpinned-action", 11)]
    assert all("`env:`" in problem.message for problem in found if problem.title == "workflow template-injection")


def test_the_command_annotates_and_ends_with_one(tmp_path):
    root = folder(tmp_path, bad=changed(PIN, "actions/checkout@v4"))
    done = subprocess.run(
        [sys.executable, "-m", "backend", "ci", "workflows"],
        cwd=root, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "::error file=.github/workflows/bad.yml,line=11,title=workflow unpinned-action::" in done.stdout


def test_our_own_workflows_have_no_finding():
    assert lint(ROOT) == []


def test_no_workflows_are_no_finding(tmp_path):
    assert lint(tmp_path) == []
