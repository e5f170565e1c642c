"""People's wishes about pull requests, performed against GitHub's wire: once, or refused with GitHub's own word."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from backend.domain.people import GitHubGrant
from backend.domain.promotions import IntentKind, IntentState
from backend.operations.performing import MAX_ATTEMPTS
from tests.recovery.desk import LEASE, opened_desk


@pytest.fixture
def desk(sandbox, tmp_path, databases):
    with opened_desk(sandbox, tmp_path, databases) as made:
        yield made


@pytest.fixture
def opened(desk):
    return desk.pull_request()


def reviews(desk, number):
    return [(r.user.login, r.state) for r in desk.lab.repo("lead").get_pull(number).get_reviews()]


def test_approve_and_merge_as_the_person(desk, opened):
    desk.wish(IntentKind.APPROVE_AND_MERGE, opened.number, opened.head.sha)
    state, outcome = desk.done()
    assert state is IntentState.SUCCEEDED, outcome
    merged = desk.lab.repo("lead").get_pull(opened.number)
    assert outcome == f"Approved as lead. Merged as {merged.merge_commit_sha[:7]}."
    assert merged.merged_by.login == "lead"
    assert not desk.performing.perform_next()
    told = [(e.actor, e.action, e.after) for e in desk.store.audit.entries(subject=f"pull_request/{opened.number}")]
    assert told == [
        ("worker", "review.approve_and_merge", "succeeded"),
        ("lead", "review.approve_and_merge", "pending"),
    ]


def test_a_worker_that_died_after_the_write_is_not_repeated(desk, opened):
    """The review and the merge have happened, their answers were lost: the next worker reads back and says so."""
    desk.wish(IntentKind.APPROVE_AND_MERGE, opened.number, opened.head.sha)
    lost = desk.store.intents.claim(LEASE)
    outcome = desk.performing._perform(lost.intent)
    assert not desk.performing.perform_next()
    desk.clock.pass_(LEASE + 1)
    assert desk.done() == (IntentState.SUCCEEDED, outcome)
    assert reviews(desk, opened.number) == [("lead", "APPROVED")]


@pytest.mark.recovery
def test_changes_are_requested(desk, opened):
    desk.wish(IntentKind.REQUEST_CHANGES, opened.number, opened.head.sha)
    assert desk.done() == (IntentState.SUCCEEDED, "Changes requested as lead.")
    assert reviews(desk, opened.number) == [("lead", "CHANGES_REQUESTED")]


@pytest.mark.recovery
def test_new_commits_since_the_page_was_drawn_refuse_the_wish(desk, opened):
    desk.wish(IntentKind.APPROVE_AND_MERGE, opened.number, "a" * 40)
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    said = f"#{opened.number} has new commits: you saw aaaaaaa, it is at {opened.head.sha[:7]}. "
    assert outcome == said + "What was said of the old ones is void."
    assert reviews(desk, opened.number) == []


@pytest.mark.recovery
def test_ones_own_pull_request_and_an_unreviewed_merge_are_refused(desk, opened):
    desk.wish(IntentKind.APPROVE, opened.number, opened.head.sha, actor="scientist", key="own")
    state, outcome = desk.done("own")
    assert state is IntentState.FAILED
    assert outcome.startswith(f"You wrote commit {opened.head.sha[:7]} of this pull request")
    desk.wish(IntentKind.MERGE, opened.number, opened.head.sha, key="merge")
    state, outcome = desk.done("merge")
    assert state is IntentState.FAILED
    assert "it needs an approval of this commit by people who may write" in outcome


@pytest.mark.recovery
def test_without_a_connected_account_nothing_is_tried(desk, opened):
    desk.wish(IntentKind.APPROVE, opened.number, opened.head.sha, actor="deputy")
    assert desk.done() == (IntentState.FAILED, "deputy has not connected GitHub; connect it and ask again.")


@pytest.mark.recovery
def test_a_token_that_github_no_longer_accepts_is_dropped(desk, opened):
    expired = GitHubGrant(access=SecretStr("ghu_expired0000000000000000000000000000"))
    desk.store.tokens.put("lead", "lead", expired)
    desk.wish(IntentKind.APPROVE, opened.number, opened.head.sha)
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    assert "connect GitHub again" in outcome
    assert desk.store.tokens.login("lead") is None


@pytest.mark.recovery
def test_while_github_is_away_the_wish_waits_and_says_so(desk, opened):
    desk.wish(IntentKind.APPROVE, opened.number, opened.head.sha)
    reachable, desk.performing = desk.performing, desk.hands("https://localhost:1/api/v3")
    state, outcome = desk.done()
    assert state is IntentState.PENDING
    assert outcome.endswith("Trying again.")
    assert not desk.performing.perform_next()
    desk.clock.pass_(2)
    desk.performing = reachable
    assert desk.done() == (IntentState.SUCCEEDED, "Approved as lead.")


@pytest.mark.recovery
def test_a_wish_that_never_gets_through_ends_with_a_word(desk, opened):
    desk.wish(IntentKind.APPROVE, opened.number, opened.head.sha)
    desk.performing = desk.hands("https://localhost:1/api/v3")
    for _ in range(MAX_ATTEMPTS - 1):
        assert desk.done()[0] is IntentState.PENDING
        desk.clock.pass_(60)
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    assert outcome.endswith(f"Given up after {MAX_ATTEMPTS} tries.")
