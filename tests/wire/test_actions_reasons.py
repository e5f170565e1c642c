"""The plain reason of a failed check, from a workflow's output to the value that the console draws."""

from __future__ import annotations

import pytest
from actions_lab import ActionsLab, workflow
from gateways_world import settings_of
from github_lab import close_lab
from test_gateways_github import person

from backend.domain.reviews import CheckState
from backend.errors import RemoteError
from backend.gateways.github.actions import Actions
from backend.gateways.github.client import GitHubReader
from backend.gateways.github.pulls import Pulls
from sandbox.github.checks import create_check_run

JOBS = """\
  lint:
    runs-on: x
    steps: [{run: 'echo "::error file=a.py,line=3,title=F401::a.py:3: os is unused (F401)%0Amore"; exit 1'}]
  fine:
    runs-on: x
    steps: [{run: echo}]
"""


@pytest.fixture
def lab(sandbox, tmp_path):
    opened = ActionsLab(sandbox, tmp_path)
    yield opened
    close_lab(opened.github)


def test_a_failed_check_says_why_with_and_without_a_title(lab, sandbox, tmp_path):
    lab.begin(ci=workflow("pull_request", JOBS))
    _, pull = lab.github.feature("topic", {"a.py": "import os\n"})
    lab.finished("ci")
    # As GitHub itself records an Actions job: no title, only annotations.
    told = {"path": "b.py", "start_line": 1, "end_line": 1, "title": ""}
    annotations = [
        {**told, "annotation_level": "warning", "message": "Node 16 is old"},
        {**told, "annotation_level": "failure", "message": "b.py is not formatted\nrun make format"},
        {**told, "annotation_level": "failure", "message": "Process completed with exit code 1."},
    ]
    world, name = lab.github.world, lab.github.full_name
    create_check_run(world, name, pull.head.sha, "untitled", conclusion="failure", output={"annotations": annotations})
    create_check_run(world, name, pull.head.sha, "mute", conclusion="failure")

    settings = settings_of(sandbox, tmp_path)
    reader = GitHubReader(settings.github.api_url, name, settings.github.installation_token, settings.cloud.ca_bundle)
    checks = {check.name: check for check in Pulls(reader).detail(pull.number).summary.checks}
    assert {name: (check.state, check.title) for name, check in checks.items()} == {
        "lint": (CheckState.FAILED, "a.py:3: os is unused (F401)"),
        "fine": (CheckState.PASSED, ""),
        "untitled": (CheckState.FAILED, "b.py is not formatted"),
        "mute": (CheckState.FAILED, ""),
    }
    (printed,) = checks["lint"].problems
    assert (printed.path, printed.line, printed.message) == ("a.py", 3, "a.py:3: os is unused (F401)\nmore")
    assert [problem.message for problem in checks["untitled"].problems] == ["b.py is not formatted\nrun make format"]
    lint = checks["lint"]
    assert lint.workflow_run > 0
    log = Actions(reader).log(lint.job)
    assert "::error file=a.py" in log or "os is unused" in log
    _run_again(lab, settings, reader, pull)


def _run_again(lab, settings, reader, pull):
    """The failed jobs of a commit's newest runs, as the author; the rest keeps what it said."""
    (run,) = Actions(reader).runs_of(pull.head.sha)
    assert (run.name, run.completed, run.failed) == ("test", True, True)
    author = person(lab.github, settings, "scientist")
    Actions(author).run_failed_again(run.id)
    lab.finished("ci", attempt=2)
    (again,) = Actions(reader).runs_of(pull.head.sha)
    assert (again.id, again.failed) == (run.id, True)
    assert again.started_at >= run.started_at, "GitHub tells whole seconds"
    assert Actions(reader).under_way("main") == ()
    with pytest.raises(RemoteError):
        Actions(person(lab.github, settings, "viewer")).run_failed_again(run.id)
