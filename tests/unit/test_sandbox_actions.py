"""Expressions, triggers and workflow files as GitHub reads them."""

import pytest

from sandbox.actions.expressions import ExpressionError, condition, evaluate, interpolate
from sandbox.actions.triggers import starts
from sandbox.actions.workflow_file import WorkflowError, read_workflow

CONTEXT = {
    "github": {"event_name": "push", "ref": "refs/heads/main"},
    "needs": {"train": {"result": "success", "outputs": {"training": "true"}}, "lint": {"result": "skipped"}},
    "steps": {},
}
GOOD = {"success": True, "failure": False, "cancelled": False}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 == 1.0", True),
        ("'A' == 'a'", True),
        ("'it''s'", "it's"),
        ("true && 'x' || 'y'", "x"),
        ("false && 'x' || 'y'", "y"),
        ("!(1 < 2)", False),
        ("null == 0", True),
        ("'' == 0", True),
        ("needs.train.outputs.training == 'true'", True),
        ("needs['train'].result", "success"),
        ("needs.absent.result", None),
        ("contains(github.ref, 'MAIN')", True),
        ("startsWith(github.ref, 'refs/heads/')", True),
        ("endsWith(github.ref, 'x')", False),
        ("format('{0} {{1}} {1}', 'a', 2)", "a {1} 2"),
        ("fromJSON('[1,2]')[1]", 2),
        ("join(fromJSON('[\"a\",\"b\"]'), '+')", "a+b"),
    ],
)
def test_expressions_have_the_values_github_gives_them(source, value):
    assert evaluate(source, CONTEXT) == value


@pytest.mark.parametrize(
    "source", ["secrets.TOKEN", "hashFiles('x')", "1 +", "needs.*.result", "'open", "success()", "a b"]
)
def test_what_is_not_understood_is_an_error_and_never_a_silence(source):
    with pytest.raises(ExpressionError):
        evaluate(source, CONTEXT)


def test_interpolation_replaces_every_expression_and_nothing_else():
    assert interpolate("x ${{ github.event_name }} $HOME ${{ 1 == 2 }}", CONTEXT) == "x push $HOME false"


@pytest.mark.parametrize(
    ("text", "status", "runs"),
    [
        (None, GOOD, True),
        (None, {**GOOD, "success": False}, False),
        ("always()", {**GOOD, "success": False}, True),
        ("failure()", {**GOOD, "success": False, "failure": True}, True),
        ("needs.train.result == 'success'", GOOD, True),
        ("needs.train.result == 'success'", {**GOOD, "success": False}, False),
        ("${{ github.event_name == 'pull_request' }}", GOOD, False),
    ],
)
def test_a_condition_without_a_status_function_also_needs_success(text, status, runs):
    assert condition(text, CONTEXT, status) is runs


def workflow(on):
    return read_workflow("w.yml", f"on: {on}\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo")


@pytest.mark.parametrize(
    ("on", "event", "branch", "action", "paths", "expected"),
    [
        ("push", "push", "main", "", ["a"], True),
        ("[push, pull_request]", "pull_request", "main", "opened", ["a"], True),
        ("{push: {branches: [main]}}", "push", "feature/x", "", ["a"], False),
        ("{push: {branches: ['feature/**']}}", "push", "feature/x/y", "", ["a"], True),
        ("{push: {paths: ['training/**']}}", "push", "main", "", ["training/a/b.py"], True),
        ("{push: {paths: ['training/**']}}", "push", "main", "", ["console/a.py"], False),
        ("{push: {paths: ['**', '!docs/**']}}", "push", "main", "", ["docs/a.md"], False),
        ("{push: {paths-ignore: ['docs/**']}}", "push", "main", "", ["docs/a.md", "x"], True),
        ("pull_request", "pull_request", "main", "closed", ["a"], False),
        ("{pull_request: {types: [labeled]}}", "pull_request", "main", "opened", ["a"], False),
    ],
)
def test_triggers_match_as_documented(on, event, branch, action, paths, expected):
    assert starts(workflow(on), event, branch=branch, action=action, paths=paths) is expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("on: push\njobs: {a: {runs-on: x, strategy: {}, steps: [{run: echo}]}}", "strategy is not supported"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{uses: azure/login@v2}]}}", "azure/login@v2 is not available"),
        ("on: push\njobs: {a: {runs-on: x, needs: b, steps: [{run: echo}]}}", "needs b, which does not exist"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: echo, uses: actions/checkout@v4}]}}", "exactly one of"),
        ("on: push\npermissions: write-all\njobs: {a: {runs-on: x, steps: [{run: echo}]}}", "name each permission"),
        ("jobs: {", "not YAML"),
        ("on: push", "no jobs"),
    ],
)
def test_a_workflow_that_would_run_differently_is_refused(text, words):
    with pytest.raises(WorkflowError, match=words):
        read_workflow("w.yml", text)
