"""Verdicts and merges against GitHub's wire: lost answers, two people at once, refusals, and merges in turn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest
from pydantic import SecretStr

from backend.domain.people import GitHubGrant
from backend.domain.promotions import IntentKind, IntentState
from backend.gateways.github.pulls import Pulls
from backend.operations.performing import SETTLING, TURN_SECONDS
from sandbox.actions import records
from sandbox.actions.workflow_file import read_workflow
from tests.journal import requests_of
from tests.recovery.desk import opened_desk

RETRAIN = "name: Retrain\non: push\npermissions: {}\njobs:\n  retrain:\n    runs-on: x\n    steps: [{run: echo}]\n"


@pytest.fixture
def desk(sandbox, tmp_path):
    with opened_desk(sandbox, tmp_path) as made:
        made.store.tokens.put("deputy", "deputy", GitHubGrant(access=SecretStr(made.lab.token("deputy"))))
        yield made
        httpx.delete(f"{sandbox.browser_url}/control/faults", timeout=20).raise_for_status()


def lose_the_answer(desk, method, path):
    """GitHub does what it is asked once, and its answer is lost on the way."""
    wanted = {"service": "github", "method": method, "path": path, "status": 502, "after": True, "requests": 1}
    httpx.post(f"{desk.sandbox.browser_url}/control/faults", json=wanted, timeout=20).raise_for_status()


def asked(desk, path):
    """How often GitHub was asked for this, in the whole life of its repository."""
    found = requests_of(desk.sandbox, service="github", contains=f"/repos/{desk.lab.full_name}{path}")
    return [request["method"] for request in found]


def states(desk):
    return desk.store.intents.get("wish").state, desk.store.intents.get("wish").outcome


@pytest.mark.recovery
def test_a_review_whose_answer_was_lost_is_made_once(desk):
    pull = desk.pull_request()
    desk.wish(IntentKind.APPROVE, pull.number, pull.head.sha)
    lose_the_answer(desk, "POST", f"/pulls/{pull.number}/reviews$")
    state, outcome = desk.done()
    assert state is IntentState.PENDING
    assert "Trying again" in outcome
    desk.clock.pass_(60)
    assert desk.done() == (IntentState.SUCCEEDED, "Approved as lead.")
    reviews = [review.user.login for review in desk.lab.repo("lead").get_pull(pull.number).get_reviews()]
    assert reviews == ["lead"]


def test_a_merge_whose_answer_was_lost_is_made_once(desk):
    pull = desk.pull_request()
    desk.wish(IntentKind.APPROVE_AND_MERGE, pull.number, pull.head.sha)
    lose_the_answer(desk, "PUT", f"/pulls/{pull.number}/merge$")
    assert desk.done()[0] is IntentState.PENDING
    desk.clock.pass_(60)
    state, outcome = desk.done()
    merged = desk.lab.repo("lead").get_pull(pull.number)
    assert (state, outcome) == (IntentState.SUCCEEDED, f"Approved as lead. Merged as {merged.merge_commit_sha[:7]}.")
    assert asked(desk, f"/pulls/{pull.number}/merge").count("PUT") == 1
    assert desk.lab.repo("lead").get_commits().totalCount == 2


def test_two_people_who_merge_at_once_merge_once(desk):
    pull = desk.pull_request()
    desk.lab.approve("lead", pull.number)
    for actor in ("lead", "deputy"):
        desk.wish(IntentKind.MERGE, pull.number, pull.head.sha, actor, actor)
    start = Barrier(2)

    def work(hands):
        start.wait(20)
        return hands.perform_next()

    with ThreadPoolExecutor(2) as pool:
        worked = list(pool.map(work, [desk.hands(), desk.hands()]))
    assert sum(worked) >= 1, "a merge is one worker's at a time"
    while desk.performing.perform_next():
        pass
    told = [desk.store.intents.get(name) for name in ("lead", "deputy")]
    assert [wish.state for wish in told] == [IntentState.SUCCEEDED] * 2
    sha = desk.lab.repo("lead").get_pull(pull.number).merge_commit_sha[:7]
    first, second = sorted(told, key=lambda wish: len(wish.outcome))
    assert first.outcome == f"Merged as {sha}."
    assert second.outcome == f"Merged as {sha} by {first.actor}, before this came to it."
    assert asked(desk, f"/pulls/{pull.number}/merge").count("PUT") == 1


@pytest.mark.recovery
def test_a_merge_that_somebody_made_on_github_meanwhile_is_the_one(desk):
    pull = desk.pull_request()
    desk.lab.approve("lead", pull.number)
    desk.wish(IntentKind.MERGE, pull.number, pull.head.sha)
    desk.lab.repo("deputy").get_pull(pull.number).merge(merge_method="squash", sha=pull.head.sha)
    state, outcome = desk.done()
    assert state is IntentState.SUCCEEDED
    assert outcome.endswith("by deputy, before this came to it.")


def test_who_is_named_in_a_commit_approves_nothing_of_it(desk):
    """GitHub would take it: a co-author has not opened the pull request."""
    trailer = "Better\n\nCo-authored-by: Lee <1+lead@users.noreply.github.com>"
    _, pull = desk.lab.feature("two-hands", {"training/params.toml": "reg_rate = 0.1\n"}, trailer)
    desk.lab.check(pull.head.sha)
    (told,) = Pulls(desk.connect(SecretStr(desk.lab.token("lead")))).detail(pull.number).commits
    assert told.authors == ("scientist", "lead")
    desk.wish(IntentKind.APPROVE, pull.number, pull.head.sha)
    why = f"You wrote commit {pull.head.sha[:7]} of this pull request, so another reviewer must approve it."
    assert desk.done() == (IntentState.FAILED, why)
    desk.wish(IntentKind.APPROVE, pull.number, pull.head.sha, "deputy", "deputy's")
    assert desk.done("deputy's") == (IntentState.SUCCEEDED, "Approved as deputy.")


@pytest.mark.recovery
def test_github_is_the_judge_and_its_refusal_is_told_plainly(desk):
    _, pull = desk.lab.feature("unready", {"training/params.toml": "reg_rate = 0.5\n"})
    desk.wish(IntentKind.MERGE, pull.number, pull.head.sha)
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    assert outcome.startswith("GitHub refused the merge: ")
    assert "the required check quality-gate has not reported on this commit" in outcome
    assert "a code owner has to approve it: lead or deputy" in outcome
    assert "Repository rule violations" not in outcome


@pytest.mark.recovery
def test_new_commits_refuse_the_wish_and_say_that_what_was_said_is_void(desk):
    clone, pull = desk.lab.feature("moving", {"training/params.toml": "reg_rate = 0.5\n"})
    desk.wish(IntentKind.APPROVE_AND_MERGE, pull.number, pull.head.sha)
    head = desk.lab.commit(clone, {"training/params.toml": "reg_rate = 0.6\n"}, "More")
    desk.lab.git(clone, "push", "--quiet", "origin", "moving")
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    assert f"you saw {pull.head.sha[:7]}, it is at {head[:7]}" in outcome
    assert "void" in outcome
    assert list(desk.lab.repo("lead").get_pull(pull.number).get_reviews()) == []


def retraining(desk):
    """A retraining of main that has begun."""
    name = desk.lab.full_name
    sha = desk.lab.repo("lead").get_branch("main").commit.sha
    event = {
        "repository": name, "event": "push", "head_sha": sha, "head_branch": "main", "base_branch": "", "sha": sha,
        "ref": "refs/heads/main", "actor": "lead", "pull_request": None, "payload": {},
    }  # fmt: skip
    workflow = read_workflow(".github/workflows/retrain.yml", RETRAIN)
    run = records.create_run(desk.lab.world, workflow, event)
    return records.change_run(desk.lab.world, run["id"], status="in_progress")


@pytest.mark.recovery
def test_merges_that_retrain_go_one_at_a_time(desk):
    pull = desk.pull_request()
    desk.lab.approve("lead", pull.number)
    run = retraining(desk)
    desk.wish(IntentKind.MERGE, pull.number, pull.head.sha)
    for _ in range(10):
        state, outcome = desk.done()
        assert state is IntentState.PENDING
        assert outcome == "Merges that retrain go one at a time: “Retrain” runs on main now."
        desk.clock.pass_(TURN_SECONDS + 1)
    records.change_run(desk.lab.world, run["id"], status="completed", conclusion="success")
    state, outcome = desk.done()
    assert state is IntentState.SUCCEEDED, outcome
    assert asked(desk, f"/pulls/{pull.number}/merge").count("PUT") == 1


@pytest.mark.recovery
def test_a_merge_waits_until_the_one_before_has_begun_to_retrain(desk):
    first = desk.pull_request()
    desk.lab.approve("lead", first.number)
    desk.wish(IntentKind.MERGE, first.number, first.head.sha, key="first")
    desk.done("first")
    clone, second = desk.lab.feature("second", {"training/second.toml": "x = 1\n"})
    _, docs = desk.lab.feature("words", {"README.md": "Words\n"})
    for pull in (second, docs):
        desk.lab.check(pull.head.sha)
        desk.lab.approve("deputy", pull.number)
    desk.wish(IntentKind.MERGE, docs.number, docs.head.sha, key="docs")
    assert desk.done("docs")[0] is IntentState.SUCCEEDED, "what retrains nothing waits for nothing"
    desk.lab.git(clone, "pull", "--quiet", "--no-edit", "--no-rebase", "origin", "main")
    desk.lab.git(clone, "push", "--quiet", "origin", "second")
    head = desk.lab.git(clone, "rev-parse", "HEAD")
    desk.lab.check(head)
    desk.lab.approve("deputy", second.number, head)
    desk.wish(IntentKind.MERGE, second.number, head)
    state, outcome = desk.done()
    assert (state, outcome.split(":")[0]) == (IntentState.PENDING, "Merges that retrain go one at a time")
    desk.clock.pass_(SETTLING.total_seconds() + 1)
    assert desk.done()[0] is IntentState.SUCCEEDED


@pytest.mark.recovery
def test_a_wait_for_a_turn_ends(desk):
    pull = desk.pull_request()
    desk.lab.approve("lead", pull.number)
    retraining(desk)
    desk.wish(IntentKind.MERGE, pull.number, pull.head.sha)
    desk.done()
    desk.clock.pass_(3 * 3600)
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    assert outcome.endswith("Given up after 2 h.")


@pytest.mark.recovery
def test_a_limit_is_waited_for_as_long_as_github_says(desk):
    pull = desk.pull_request()
    desk.wish(IntentKind.APPROVE, pull.number, pull.head.sha)
    wanted = {"service": "github", "kind": "primary_limit", "retry_after": 1800}
    httpx.post(f"{desk.sandbox.browser_url}/control/faults", json=wanted, timeout=20).raise_for_status()
    state, outcome = desk.done()
    assert state is IntentState.PENDING
    assert "takes requests again in 30 min" in outcome
    httpx.delete(f"{desk.sandbox.browser_url}/control/faults", timeout=20).raise_for_status()
    desk.clock.pass_(1000)
    assert not desk.performing.perform_next(), "not before GitHub takes requests again"
    desk.clock.pass_(1000)
    assert desk.done() == (IntentState.SUCCEEDED, "Approved as lead.")


@pytest.mark.recovery
def test_no_failed_run_is_left_to_run_again(desk):
    pull = desk.pull_request()
    desk.wish(IntentKind.RERUN, pull.number, pull.head.sha, "scientist")
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    assert "No failed workflow run is left" in outcome
