"""From a pushed branch to a merged pull request, under the ruleset, with PyGithub and git."""

from __future__ import annotations

import pytest
from github_lab import close_lab, open_lab, refusal

RULES = "Repository rule violations found\n\n"


@pytest.fixture
def lab(sandbox, tmp_path):
    opened = open_lab(sandbox, tmp_path)
    yield opened
    close_lab(opened)


def merge_refusal(lab, number, login="lead", **arguments):
    pull = lab.repo(login).get_pull(number)
    error = refusal(pull.merge, merge_method=arguments.pop("merge_method", "squash"), sha=pull.head.sha, **arguments)
    return error.status, error.data["message"]


def test_a_change_reaches_main_only_when_reviewed_and_green(lab):
    lab.start()
    lab.protect()
    _, pull = lab.feature("better-model")
    number, head = pull.number, pull.head.sha
    assert {user.login for user in pull.requested_reviewers} == {"lead", "deputy"}

    own = refusal(lab.approve, "scientist", number)
    assert (own.status, own.data["message"]) == (422, "Unprocessable Entity")
    assert own.data["errors"] == ["Can not approve your own pull request"]

    status, message = merge_refusal(lab, number)
    assert status == 405
    assert message.startswith(RULES)
    assert "At least 1 approving review is required by reviewers with write access.\n\n" in message
    assert "Waiting on code owner review from lead and/or deputy.\n\n" in message
    assert 'Required status check "quality-gate" is expected.\n\n' in message

    lab.check(head, "failure")
    assert lab.approve("lead", number).state == "APPROVED"
    assert merge_refusal(lab, number) == (405, f'{RULES}Required status check "quality-gate" is failing.\n\n')
    assert lab.repo("lead").get_pull(number).mergeable_state == "blocked"

    lab.check(head)
    ready = lab.repo("lead").get_pull(number)
    assert (ready.mergeable, ready.mergeable_state) == (True, "clean")
    before = lab.repo("lead").get_branch("main").commit.sha
    merged = ready.merge(merge_method="squash", sha=head)
    assert merged.merged

    commit = lab.repo("lead").get_commit(merged.sha)
    assert commit.commit.message.split("\n")[0] == f"Work on better-model (#{number})"
    assert [parent.sha for parent in commit.parents] == [before]
    assert lab.repo("lead").get_branch("main").commit.sha == merged.sha
    after = lab.repo("lead").get_pull(number)
    assert (after.state, after.merged, after.merge_commit_sha, after.merged_by.login) == (
        "closed",
        True,
        merged.sha,
        "lead",
    )
    assert [found.number for found in commit.get_pulls()] == [number]
    assert merge_refusal(lab, number) == (405, "Pull Request is not mergeable")


def test_a_required_check_counts_only_from_the_app_the_rule_names(lab):
    lab.start()
    lab.protect()
    _, pull = lab.feature("forged-check")
    status = lab.repo("scientist").get_commit(pull.head.sha).create_status("success", context="quality-gate")
    assert status.state == "success"
    error = refusal(lab.repo("scientist").create_check_run, "quality-gate", pull.head.sha, conclusion="success")
    assert (error.status, error.data["message"]) == (403, "You must authenticate via a GitHub App.")
    lab.approve("lead", pull.number)
    assert merge_refusal(lab, pull.number) == (405, f'{RULES}Required status check "quality-gate" is expected.\n\n')


def test_a_push_after_the_approval_dismisses_it_and_guards_the_merge(lab):
    lab.start()
    lab.protect()
    clone, pull = lab.feature("moving-head")
    seen = pull.head.sha
    lab.check(seen)
    lab.approve("lead", pull.number)
    new = lab.commit(clone, {"training/params.toml": "reg_rate = 1\n"}, "Change my mind")
    lab.git(clone, "push", "--quiet", "origin", "moving-head")

    moved = lab.repo("lead").get_pull(pull.number)
    assert moved.head.sha == new
    error = refusal(moved.merge, merge_method="squash", sha=seen)
    assert (error.status, error.data["message"]) == (
        409,
        "Head branch was modified. Review and try the merge again.",
    )
    reviews = list(moved.get_reviews())
    assert [(review.state, review.commit_id) for review in reviews] == [("DISMISSED", seen)]
    lab.check(new)
    status, message = merge_refusal(lab, pull.number)
    assert status == 405
    assert "At least 1 approving review is required" in message


def test_the_last_pusher_cannot_be_the_one_who_approves(lab):
    lab.start()
    lab.protect()
    clone, pull = lab.feature("fixed-by-the-lead")
    lab.git(clone, "remote", "set-url", "origin", lab.remote(lab.token("lead")))
    head = lab.commit(clone, {"training/params.toml": "reg_rate = 2\n"}, "Fix it")
    lab.git(clone, "push", "--quiet", "origin", "fixed-by-the-lead")
    lab.check(head)
    lab.approve("lead", pull.number)
    sentence = "New changes require approval from someone other than the last pusher."
    assert merge_refusal(lab, pull.number) == (405, f"{RULES}{sentence}\n\n")
    lab.approve("deputy", pull.number)
    assert lab.repo("lead").get_pull(pull.number).merge(merge_method="squash", sha=head).merged


def test_only_reviewers_with_write_access_count(lab):
    lab.start()
    lab.protect()
    _, pull = lab.feature("well-liked")
    lab.check(pull.head.sha)
    lab.approve("viewer", pull.number)
    status, message = merge_refusal(lab, pull.number)
    assert status == 405
    assert "At least 1 approving review is required by reviewers with write access." in message
    error = refusal(lab.repo("viewer").get_pull(pull.number).merge, merge_method="squash", sha=pull.head.sha)
    assert (error.status, error.data["message"]) == (403, "Resource not accessible by integration")


def test_an_app_cannot_approve(lab):
    lab.start()
    _, pull = lab.feature("robot")
    robot = lab.client(lab.workflow_token(pull_requests="write", contents="write")).get_repo(lab.full_name)
    error = refusal(
        robot.get_pull(pull.number).create_review, commit=robot.get_commit(pull.head.sha), body="", event="APPROVE"
    )
    assert error.data["errors"] == ["GitHub Actions is not permitted to approve pull requests."]


def test_one_pending_review_a_person(lab):
    lab.start()
    _, pull = lab.feature("pending")
    pending = lab.repo("lead").get_pull(pull.number).create_review(body="Not yet")
    assert pending.state == "PENDING"
    error = refusal(lab.repo("lead").get_pull(pull.number).create_review, body="Again")
    assert error.data["errors"] == ["User can only have one pending review per pull request"]
    assert list(lab.repo("deputy").get_pull(pull.number).get_reviews()) == []


def test_a_conversation_blocks_until_it_is_resolved(lab):
    lab.start()
    lab.protect()
    _, pull = lab.feature("discussed")
    lab.check(pull.head.sha)
    repo = lab.repo("lead")
    repo.get_pull(pull.number).create_review(
        commit=repo.get_commit(pull.head.sha),
        body="One question",
        event="COMMENT",
        comments=[{"path": "training/params.toml", "line": 1, "side": "RIGHT", "body": "Why?"}],
    )
    lab.approve("lead", pull.number)
    sentence = "A conversation must be resolved before this pull request can be merged."
    assert merge_refusal(lab, pull.number) == (405, f"{RULES}{sentence}\n\n")

    comments = list(lab.repo("scientist").get_pull(pull.number).get_review_comments())
    assert [(comment.path, comment.line, comment.body) for comment in comments] == [("training/params.toml", 1, "Why?")]
    query = """query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) {
        pullRequest(number: $number) { reviewThreads(first: 5) { nodes { id isResolved path line
          comments(first: 5) { nodes { body author { login } } } } } } } }"""
    variables = {"owner": "hospital", "name": lab.name, "number": pull.number}
    _, answer = repo.requester.graphql_query(query, variables)
    (thread,) = answer["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"]
    assert thread["comments"]["nodes"] == [{"body": "Why?", "author": {"login": "lead"}}]
    resolve = """mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) {
        thread { isResolved resolvedBy { login } } } }"""
    _, answer = repo.requester.graphql_query(resolve, {"id": thread["id"]})
    assert answer["data"]["resolveReviewThread"]["thread"] == {"isResolved": True, "resolvedBy": {"login": "lead"}}
    assert repo.get_pull(pull.number).merge(merge_method="squash", sha=pull.head.sha).merged


def test_a_branch_behind_its_base_has_to_be_updated_first(lab):
    lab.start()
    _, first = lab.feature("first", {"one.txt": "1\n"})
    _, second = lab.feature("second", {"two.txt": "2\n"})
    lab.protect()
    for pull in (first, second):
        lab.check(pull.head.sha)
        lab.approve("lead", pull.number)
    assert lab.repo("lead").get_pull(first.number).merge(merge_method="squash", sha=first.head.sha).merged

    late = lab.repo("lead").get_pull(second.number)
    assert late.mergeable_state == "behind"
    status, message = merge_refusal(lab, second.number)
    assert status == 405
    assert "out-of-date with the base branch" in message
    assert lab.repo("scientist").get_pull(second.number).update_branch(expected_head_sha=second.head.sha)
    updated = lab.repo("lead").get_pull(second.number)
    assert updated.head.sha != second.head.sha
    assert [review.state for review in updated.get_reviews()] == ["APPROVED"]  # the diff is what it was
    lab.check(updated.head.sha)
    assert updated.merge(merge_method="squash", sha=updated.head.sha).merged


def test_conflicts_drafts_and_methods_are_refused_in_githubs_words(lab):
    lab.start()
    _, ours = lab.feature("ours", {"training/params.toml": "reg_rate = 5\n"})
    _, theirs = lab.feature("theirs", {"training/params.toml": "reg_rate = 6\n"})
    assert lab.repo("lead").get_pull(ours.number).merge(merge_method="merge", sha=ours.head.sha).merged
    conflicting = lab.repo("lead").get_pull(theirs.number)
    assert (conflicting.mergeable, conflicting.mergeable_state) == (False, "dirty")
    assert merge_refusal(lab, theirs.number) == (405, "Pull Request is not mergeable")

    lab.repo("lead").edit(allow_merge_commit=False)
    _, plain = lab.feature("plain", {"plain.txt": "x\n"})
    refused = merge_refusal(lab, plain.number, merge_method="merge")
    assert refused == (405, "Merge commits are not allowed on this repository.")

    clone = lab.clone("scientist")
    lab.git(clone, "switch", "--quiet", "--create", "unfinished")
    lab.commit(clone, {"draft.txt": "x\n"}, "Unfinished")
    lab.git(clone, "push", "--quiet", "origin", "unfinished")
    draft = lab.repo("scientist").create_pull(base="main", head="unfinished", title="Draft", body="", draft=True)
    assert merge_refusal(lab, draft.number) == (405, "Pull Request is still a draft")


def test_a_rebase_merge_replays_every_commit(lab):
    lab.start()
    clone, pull = lab.feature("steps", {"one.txt": "1\n"}, "First step")
    lab.commit(clone, {"two.txt": "2\n"}, "Second step")
    lab.git(clone, "push", "--quiet", "origin", "steps")
    _, other = lab.feature("other", {"other.txt": "x\n"})
    assert lab.repo("lead").get_pull(other.number).merge(merge_method="squash").merged
    assert lab.repo("lead").get_pull(pull.number).merge(merge_method="rebase").merged
    titles = [commit.commit.message for commit in lab.repo("lead").get_commits()]
    assert titles == ["Second step", "First step", f"Work on other (#{other.number})", "Begin"]


def test_a_pull_request_follows_its_branch(lab):
    lab.start()
    clone, pull = lab.feature("short-lived")
    again = refusal(lab.repo("scientist").create_pull, base="main", head="short-lived", title="Again")
    assert again.data["errors"][0]["message"] == "A pull request already exists for hospital:short-lived."
    empty = refusal(lab.repo("scientist").create_pull, base="main", head="main", title="Nothing")
    assert empty.data["errors"][0]["message"] == "No commits between main and main"
    lab.git(clone, "push", "--quiet", "origin", "--delete", "short-lived")
    closed = lab.repo("scientist").get_pull(pull.number)
    assert (closed.state, closed.merged) == ("closed", False)
    assert [file.filename for file in closed.get_files()] == ["training/params.toml"]


TITLES = (
    "**bold** [link](javascript:alert(1)) `code` #1 @lead",
    "<script>alert('x')</script> & <img src=x onerror=alert(1)>",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd",
    "x" * 10_000,
    "tab\tbell\x07escape\x1b[31m null\x00 newline\nsecond line",
    "lone surrogate \ud800 and emoji \U0001f9ec",
)


def test_a_title_from_outside_comes_back_as_it_was_given(lab):
    lab.start()
    clone, _ = lab.feature("odd", {"odd.txt": "x\n"}, "First")
    lab.commit(clone, {"odd.txt": "y\n"}, "Second")
    lab.git(clone, "push", "--quiet", "origin", "odd")
    repo = lab.repo("scientist")
    pull = next(iter(repo.get_pulls()))
    query = """query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {
        pullRequests(first: 5) { nodes { title body } } } }"""
    for title in TITLES:
        pull.edit(title=title, body=title)
        read = lab.repo("lead").get_pull(pull.number)
        assert (read.title, read.body) == (title, title)
        _, answer = repo.requester.graphql_query(query, {"owner": "hospital", "name": lab.name})
        assert answer["data"]["repository"]["pullRequests"]["nodes"] == [{"title": title, "body": title}]
    merged = lab.repo("lead").get_pull(pull.number).merge(merge_method="squash")
    message = lab.repo("lead").get_commit(merged.sha).commit.message
    assert message.startswith("lone surrogate ? and emoji \U0001f9ec (#1)")
