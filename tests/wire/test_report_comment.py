"""The comparison in a pull request's conversation: one comment, updated, of our own, whatever runs beside it."""

from __future__ import annotations

import threading

import pytest
from github_lab import close_lab, open_lab
from pydantic import SecretStr

from backend.errors import CredentialsRejected, RemoteRejected
from backend.gateways.github.client import GitHubWriter
from backend.gateways.github.comments import Comments
from backend.operations.report_comment import AUTHOR, say


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    opened = open_lab(sandbox, tmp_path_factory.mktemp("comment"))
    opened.start()
    yield opened
    close_lab(opened)


@pytest.fixture
def pull(lab, request):
    name = f"branch-{abs(hash(request.node.name)) % 10**8}"
    return lab.feature(name, {"training/params.toml": f"# {name}\n"})[1]


def comments_as(lab, **permissions):
    token = SecretStr(lab.workflow_token(**permissions))
    return Comments(GitHubWriter(f"{lab.world.settings.url}/api/v3", lab.full_name, token, str(lab.ca_file)))


@pytest.fixture
def workflow(lab):
    return comments_as(lab, contents="read", pull_requests="write")


def ours(comments, pull):
    return [one for one in comments.of(pull.number) if one.author == AUTHOR]


def test_the_second_run_changes_the_first_ones_comment(workflow, pull):
    assert say(workflow, pull.number, 10, "no detectable difference")
    (first,) = ours(workflow, pull)
    assert say(workflow, pull.number, 11, "better")
    (second,) = ours(workflow, pull)
    assert second.id == first.id
    assert second.body.endswith("\nbetter")


def test_a_run_that_ends_late_takes_nothing_back(workflow, pull):
    say(workflow, pull.number, 12, "of the later run")
    assert not say(workflow, pull.number, 11, "of the earlier run")
    (only,) = ours(workflow, pull)
    assert only.body.endswith("of the later run")


def test_the_comment_of_somebody_who_copies_ours_is_left_alone(lab, workflow, pull):
    copied = "<!-- mlops: model comparison, run 999999 -->\nworse, do not merge"
    lab.repo("scientist").get_pull(pull.number).create_issue_comment(copied)
    assert say(workflow, pull.number, 10, "better")
    assert next((one.author, one.body) for one in workflow.of(pull.number)) == ("scientist", copied)
    assert len(ours(workflow, pull)) == 1


def test_runs_at_once_end_in_one_comment_with_the_latest_words(lab, pull):
    """Each has found nothing before any of them wrote: the worst that can happen."""
    barrier = threading.Barrier(3)

    class Together(Comments):
        """Waits for the others between its first look and its first write."""

        def create(self, number, body):
            barrier.wait(30)
            super().create(number, body)
            barrier.wait(30)

    def run(number):
        connection = comments_as(lab, contents="read", pull_requests="write")._connection
        say(Together(connection), pull.number, number, f"words of {number}")

    threads = [threading.Thread(target=run, args=(number,)) for number in (21, 22, 23)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (only,) = ours(comments_as(lab, contents="read", pull_requests="read"), pull)
    assert only.body.endswith("words of 23")


def test_a_comment_that_was_deleted_is_written_again(workflow, pull):
    say(workflow, pull.number, 10, "once")
    workflow.delete(ours(workflow, pull)[0].id)
    say(workflow, pull.number, 11, "twice")
    assert len(ours(workflow, pull)) == 1


def test_a_token_that_may_not_write_says_so(lab, pull):
    with pytest.raises((CredentialsRejected, RemoteRejected)):
        say(comments_as(lab, contents="read", pull_requests="read"), pull.number, 1, "x")


def test_what_is_too_long_is_cut_to_what_github_takes(workflow, pull):
    say(workflow, pull.number, 10, "x" * 70_000)
    (only,) = ours(workflow, pull)
    assert len(only.body) == 65_000
