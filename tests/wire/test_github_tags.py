"""Annotated tags through PyGithub, found again by the real git client."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from github import InputGitAuthor
from github_lab import close_lab, open_lab, refusal

MESSAGE = "first line\n\nsequence: 7\n<b>“text”</b>"


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    opened = open_lab(sandbox, tmp_path_factory.mktemp("tags"))
    opened.start()
    opened.protect()
    yield opened
    close_lab(opened)


def test_an_annotated_tag_is_an_object_until_a_ref_names_it(lab):
    repo = lab.repo("lead")
    main = repo.get_branch("main").commit.sha
    tagger = InputGitAuthor("The worker", "worker@example.org", "2026-11-26T14:05:00Z")
    made = repo.create_git_tag("ledger/7", MESSAGE, main, "commit", tagger)
    assert (made.tag, made.message, made.object.sha, made.object.type) == ("ledger/7", MESSAGE, main, "commit")
    assert made.tagger.date == datetime(2026, 11, 26, 14, 5, tzinfo=UTC)
    assert refusal(lambda: repo.get_git_ref("tags/ledger/7")).status == 404
    again = repo.create_git_tag("ledger/7", MESSAGE, main, "commit", tagger)
    assert again.sha == made.sha

    ref = repo.create_git_ref("refs/tags/ledger/7", made.sha)
    assert (ref.object.type, ref.object.sha) == ("tag", made.sha)
    assert repo.get_git_tag(ref.object.sha).message == MESSAGE
    assert [found.ref for found in repo.get_git_matching_refs("tags/ledger/")] == ["refs/tags/ledger/7"]

    clone = lab.clone("viewer")
    assert lab.git(clone, "cat-file", "-t", "ledger/7").strip() == "tag"
    shown = lab.git(clone, "for-each-ref", "--format=%(taggername) %(taggerdate:unix)|%(contents)", "refs/tags/ledger")
    assert shown.strip() == f"The worker {int(made.tagger.date.timestamp())}|{MESSAGE}"
    assert lab.git(clone, "rev-parse", "ledger/7^{commit}").strip() == main


def test_what_github_refuses(lab):
    repo = lab.repo("lead")
    main = repo.get_branch("main").commit.sha
    assert refusal(lambda: repo.create_git_tag("x", "m", "0" * 40, "commit")).status == 422
    assert refusal(lambda: repo.create_git_tag("x", "m", main, "blob")).status == 422
    assert refusal(lambda: repo.create_git_tag("a..b", "m", main, "commit")).status == 422
    assert refusal(lambda: repo.create_git_ref("refs/tags/x", "1" * 40)).status == 422
    assert refusal(lambda: repo.get_git_tag(main)).status == 404
    made = repo.create_git_tag("twice", "m", main, "commit")
    assert refusal(lambda: repo.create_git_ref("refs/heads/twice", made.sha)).status == 422
    repo.create_git_ref("refs/tags/twice", made.sha)
    second = refusal(lambda: repo.create_git_ref("refs/tags/twice", made.sha))
    assert second.status == 422
    assert "Reference already exists" in str(second.data)


def test_tags_under_a_ruleset_may_be_made_and_then_neither_moved_nor_deleted(lab):
    kept = {
        "name": "tags stay", "target": "tag", "enforcement": "active", "bypass_actors": [],
        "conditions": {"ref_name": {"include": ["refs/tags/kept/**"], "exclude": []}},
        "rules": [{"type": "deletion"}, {"type": "non_fast_forward"}, {"type": "update"}],
    }  # fmt: skip
    lab.protect(kept)
    repo = lab.repo("lead")
    main = repo.get_branch("main").commit.sha
    made = repo.create_git_tag("kept/1", "m", main, "commit")
    ref = repo.create_git_ref("refs/tags/kept/1", made.sha)
    other = repo.create_git_tag("kept/1", "another", main, "commit")
    for refused in (refusal(ref.delete), refusal(lambda: ref.edit(other.sha, force=True))):
        assert refused.status == 422
        assert "Repository rule violations found" in str(refused.data)
    clone = lab.clone("lead")
    lab.git(clone, "tag", "--force", "kept/1", "-m", "another", "HEAD")
    moved = lab.run(clone, "push", "--force", "origin", "kept/1")
    assert moved.returncode != 0
    assert "GH013: Repository rule violations found for refs/tags/kept/1" in moved.stderr
    assert "- Cannot update this protected ref." in moved.stderr
    deleted = lab.run(clone, "push", "origin", "--delete", "kept/1")
    assert "- Cannot delete this tag" in deleted.stderr
    assert repo.get_git_ref("tags/kept/1").object.sha == made.sha
    free = repo.create_git_ref("refs/tags/free/1", made.sha)
    free.delete()
    assert lab.run(clone, "push", "origin", "HEAD:refs/heads/kept/1").returncode == 0


def test_a_rule_that_no_tag_can_have_is_said_to_be_missing(lab):
    wrong = {"name": "reviewed tags", "target": "tag", "enforcement": "active", "rules": [{"type": "pull_request"}]}
    assert refusal(lambda: lab.protect(wrong)).status == 501


def test_who_may_only_pull_makes_no_tag(lab):
    repo = lab.repo("viewer")
    main = repo.get_branch("main").commit.sha
    assert refusal(lambda: repo.create_git_tag("mine", "m", main, "commit")).status == 403
