"""The real git client against the sandbox: clone, push, and what the ruleset refuses."""

from __future__ import annotations

import pytest
from github_lab import close_lab, open_lab

PULL_REQUEST = "- Changes must be made through a pull request."


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    opened = open_lab(sandbox, tmp_path_factory.mktemp("git"))
    opened.start()
    opened.protect()
    yield opened
    close_lab(opened)


def test_main_accepts_no_push_no_force_and_no_deletion(lab):
    clone = lab.clone("lead")
    before = lab.git(clone, "rev-parse", "origin/main")
    lab.commit(clone, {"direct.txt": "x\n"}, "Straight to main")
    refused = lab.run(clone, "push", "origin", "main")
    assert refused.returncode != 0
    assert "remote: error: GH013: Repository rule violations found for refs/heads/main." in refused.stderr
    assert PULL_REQUEST in refused.stderr
    assert 'Required status check "quality-gate" is expected.' in refused.stderr
    assert f"/{lab.full_name}/rules?ref=refs%2Fheads%2Fmain" in refused.stderr
    assert "Cannot force-push" not in refused.stderr

    lab.git(clone, "reset", "--quiet", "--hard", "origin/main")
    lab.git(clone, "commit", "--quiet", "--amend", "--message", "Another history")
    forced = lab.run(clone, "push", "--force", "origin", "main")
    assert "- Cannot force-push to this branch" in forced.stderr
    deleted = lab.run(clone, "push", "origin", "--delete", "main")
    assert "- Cannot delete this branch" in deleted.stderr
    assert lab.repo("lead").get_branch("main").commit.sha == before


def test_one_push_may_be_refused_for_main_and_accepted_for_a_branch(lab):
    clone = lab.clone("scientist")
    lab.git(clone, "switch", "--quiet", "--create", "both")
    sha = lab.commit(clone, {"both.txt": "x\n"}, "Both")
    done = lab.run(clone, "push", "origin", "both:main", "both")
    assert "[remote rejected] both -> main" in done.stderr
    assert "[new branch]" in done.stderr
    assert lab.repo("scientist").get_branch("both").commit.sha == sha


def test_a_large_push_arrives_whole(lab):
    clone = lab.clone("scientist")
    lab.git(clone, "switch", "--quiet", "--create", "large")
    (clone / "noise.bin").write_bytes(
        bytes((number * 7919 + (number >> 8) * 104_729) & 0xFF for number in range(3 << 20))
    )
    sha = lab.commit(clone, {}, "Three megabytes")
    lab.git(clone, "-c", "http.postBuffer=1024", "-c", "core.compression=0", "push", "--quiet", "origin", "large")
    again = lab.clone("viewer")
    lab.git(again, "switch", "--quiet", "large")
    assert lab.git(again, "rev-parse", "HEAD") == sha
    assert (again / "noise.bin").stat().st_size == 3 << 20


def test_a_reader_may_clone_and_not_push(lab):
    clone = lab.clone("viewer")
    lab.git(clone, "switch", "--quiet", "--create", "mine")
    lab.commit(clone, {"mine.txt": "x\n"}, "Mine")
    refused = lab.run(clone, "push", "origin", "mine")
    assert refused.returncode != 0
    assert f"Permission to {lab.full_name}.git denied to viewer." in refused.stderr


def test_a_workflows_token_reaches_its_own_repository_as_far_as_it_was_granted(lab):
    reading = lab.remote(lab.workflow_token(contents="read"))
    clone = lab.clone("scientist")
    lab.git(clone, "fetch", "--quiet", reading, "main")
    lab.git(clone, "switch", "--quiet", "--create", "by-a-workflow")
    lab.commit(clone, {"workflow.txt": "x\n"}, "By a workflow")
    assert "denied to github-actions[bot]" in lab.run(clone, "push", reading, "by-a-workflow").stderr
    lab.git(clone, "push", "--quiet", lab.remote(lab.workflow_token(contents="write")), "by-a-workflow")
    assert "not found" in lab.run(clone, "fetch", lab.remote(lab.workflow_token(checks="write"))).stderr


@pytest.mark.parametrize("token", ["", "ghu_unknown"])
def test_no_token_no_clone(lab, token):
    remote = lab.remote(token) if token else lab.remote("x").replace("x-access-token:x@", "")
    refused = lab.run(lab.folder, "ls-remote", remote)
    assert refused.returncode != 0
    assert "Authentication failed" in refused.stderr or "could not read Username" in refused.stderr


def test_pull_request_refs_can_be_fetched_and_not_pushed(lab):
    clone, pull = lab.feature("with-refs")
    lab.git(clone, "fetch", "--quiet", "origin", f"refs/pull/{pull.number}/head:refs/seen/head")
    lab.git(clone, "fetch", "--quiet", "origin", f"refs/pull/{pull.number}/merge:refs/seen/merge")
    assert lab.git(clone, "rev-parse", "refs/seen/head") == pull.head.sha
    parents = lab.git(clone, "rev-list", "--parents", "--max-count=1", "refs/seen/merge").split()[1:]
    assert parents == [pull.base.sha, pull.head.sha]
    refused = lab.run(clone, "push", "origin", f"HEAD:refs/pull/{pull.number}/head")
    assert refused.returncode != 0


def test_what_was_pushed_survives_a_power_cut(make_sandbox, tmp_path):
    own = make_sandbox()
    lab = open_lab(own, tmp_path)
    try:
        lab.start()
        _, pull = lab.feature("durable")
        own.kill()
        own.restart()
        found = lab.repo("lead").get_pull(pull.number)
        assert (found.head.sha, found.state) == (pull.head.sha, "open")
        lab.clone("lead")
    finally:
        close_lab(lab)
        own.stop()
