"""A person's GitHub token renews itself: against GitHub's wire, with two at once, and with a death in between."""

from __future__ import annotations

import logging
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from backend.domain.promotions import IntentKind, IntentState
from backend.errors import CredentialsRejected, SignInEnded
from backend.operations.council import rules_of
from backend.operations.lent_tokens import RENEWAL_SECONDS, BeingRenewed
from backend.operations.performing import Performing
from tests.recovery.desk import LEASE, NOWHERE, opened_desk

EIGHT_HOURS = 8 * 3600


@pytest.fixture
def desk(sandbox, tmp_path):
    with opened_desk(sandbox, tmp_path) as made:
        yield made


@pytest.fixture
def lent(desk):
    """What the lead lent eight hours ago by our clock."""
    grant = desk.lend()
    desk.clock.pass_(EIGHT_HOURS)
    return grant


@pytest.fixture
def asked(desk):
    """The lead's wish to approve the scientist's pull request."""
    pull = desk.pull_request()
    return desk.wish(IntentKind.APPROVE, pull.number, pull.head.sha)


def kept(desk):
    return desk.store.tokens.held("lead").grant


def told(desk):
    return [(e.actor, e.action, e.reason) for e in desk.store.audit.entries(subject="person/lead")]


def test_a_token_that_ended_on_the_wire_is_renewed_and_the_review_is_made(make_sandbox, tmp_path):
    """A world whose tokens last seconds: GitHub itself refuses the first one before the worker comes to the wish."""
    world = make_sandbox("--github-user-token-seconds", "10")
    with opened_desk(world, tmp_path, real_time=True) as desk:
        pull = desk.pull_request()
        first = desk.lend()
        assert desk.accepts(first.access)
        end = time.monotonic() + 20
        while desk.accepts(first.access) and time.monotonic() < end:
            time.sleep(0.2)
        assert not desk.accepts(first.access)
        desk.wish(IntentKind.APPROVE_AND_MERGE, pull.number, pull.head.sha)
        state, outcome = desk.done()
        assert state is IntentState.SUCCEEDED, outcome
        assert outcome.startswith("Approved as lead. Merged as ")
        assert kept(desk).access != first.access
        assert kept(desk).refresh != first.refresh
        assert kept(desk).expires_at > first.expires_at


@pytest.mark.recovery
def test_a_world_without_expiry_lends_tokens_that_stay(make_sandbox, tmp_path):
    world = make_sandbox("--github-user-token-seconds", "0")
    with opened_desk(world, tmp_path) as desk:
        grant = desk.lend()
        assert (grant.refresh, grant.expires_at) == (None, None)
        desk.clock.pass_(400 * 24 * 3600)
        before = desk.exchanges()
        pull = desk.pull_request()
        desk.wish(IntentKind.APPROVE, pull.number, pull.head.sha)
        assert desk.done() == (IntentState.SUCCEEDED, "Approved as lead.")
        assert desk.exchanges() == before


@pytest.mark.recovery
@pytest.mark.usefixtures("asked")
def test_a_token_is_renewed_some_minutes_before_it_ends_and_not_sooner(desk):
    first = desk.lend()
    before = desk.exchanges()
    desk.clock.pass_(EIGHT_HOURS - 400)
    assert desk.lent().live("lead").grant == first
    assert desk.exchanges() == before
    desk.clock.pass_(120)
    assert desk.done() == (IntentState.SUCCEEDED, "Approved as lead.")
    assert desk.exchanges() == before + 1
    assert kept(desk).access != first.access
    assert not desk.accepts(first.access), "GitHub ends the old token with its refresh token"
    assert told(desk)[0][1] == "github.connected", "a renewal is no event of the person's"


@pytest.mark.recovery
@pytest.mark.usefixtures("asked")
def test_a_spent_refresh_token_ends_the_wish_and_the_connection(desk, lent):
    desk.oauth().refresh(lent.refresh)
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    assert "connect GitHub again" in outcome
    assert desk.store.tokens.login("lead") is None
    assert told(desk)[0] == ("worker", "github.disconnected", "GitHub no longer renews the token.")


@pytest.mark.recovery
@pytest.mark.usefixtures("lent")
def test_two_processes_at_once_spend_one_refresh_token(desk):
    """GitHub answers slowly, so that both are there: one renews, the other hears so and finds the new token."""
    other = desk.another_store()
    before = desk.exchanges()
    slow = {"service": "identity", "path": "/login/oauth/access_token", "delay_ms": 1500, "requests": 1}
    httpx.post(f"{desk.sandbox.browser_url}/control/faults", json=slow, timeout=20).raise_for_status()
    start = Barrier(2)

    def live(lent):
        start.wait(10)
        try:
            return lent.live("lead")
        except BeingRenewed as error:
            return error

    hands = [desk.lent(), desk.lent(other)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(live, hands))
    assert desk.exchanges() == before + 1
    (busy,) = [answer for answer in answers if isinstance(answer, BeingRenewed)]
    (renewed,) = [answer for answer in answers if answer is not busy]
    assert "being renewed" in str(busy)
    assert [hand.live("lead") for hand in hands] == [renewed, renewed]
    assert desk.exchanges() == before + 1
    assert desk.accepts(renewed.grant.access)
    other.close()


@pytest.mark.recovery
@pytest.mark.usefixtures("asked")
def test_who_comes_second_waits_and_goes_on_with_the_new_token(desk, lent):
    held = desk.store.tokens.held("lead")
    assert desk.store.tokens.begin_renewal(held, RENEWAL_SECONDS)
    assert desk.done() == (IntentState.PENDING, "The GitHub sign-in of lead is being renewed. Trying again.")
    desk.store.tokens.replace(held, desk.oauth().refresh(lent.refresh))
    desk.clock.pass_(2)
    before = desk.exchanges()
    assert desk.done() == (IntentState.SUCCEEDED, "Approved as lead.")
    assert desk.exchanges() == before


@pytest.mark.recovery
@pytest.mark.usefixtures("asked")
def test_a_death_before_github_was_asked_costs_only_the_wait(desk, lent):
    assert desk.store.tokens.begin_renewal(desk.store.tokens.held("lead"), RENEWAL_SECONDS)
    assert desk.done()[0] is IntentState.PENDING
    desk.clock.pass_(RENEWAL_SECONDS + 1)
    assert desk.done() == (IntentState.SUCCEEDED, "Approved as lead.")
    assert kept(desk).access != lent.access


@pytest.mark.recovery
@pytest.mark.usefixtures("asked")
def test_a_death_between_githubs_answer_and_our_commit_asks_the_person(desk, lent):
    assert desk.store.tokens.begin_renewal(desk.store.tokens.held("lead"), RENEWAL_SECONDS)
    desk.oauth().refresh(lent.refresh)
    assert desk.done()[0] is IntentState.PENDING
    assert desk.store.tokens.login("lead") == "lead", "it might still be renewed by the other one"
    desk.clock.pass_(RENEWAL_SECONDS + 1)
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    assert "connect GitHub again" in outcome
    assert desk.store.tokens.login("lead") is None
    desk.lend()
    assert desk.lent().live("lead").login == "lead"


@pytest.mark.recovery
def test_a_token_renewed_in_the_middle_of_a_wish_costs_a_second_try(desk):
    """One worker has begun with the old token while another renews it: the 401 that follows forgets nothing."""
    pull = desk.pull_request()
    first = desk.lend()
    desk.wish(IntentKind.APPROVE, pull.number, pull.head.sha)
    other = desk.another_store()

    def connect(token):
        if token == first.access:
            desk.clock.pass_(EIGHT_HOURS)
            desk.lent(other).live("lead")
        return desk.connect(token)

    desk.performing = Performing(desk.store, desk.lent(), connect, rules_of(desk.settings.project), LEASE)
    assert desk.done() == (IntentState.PENDING, "The GitHub sign-in of lead is being renewed. Trying again.")
    desk.clock.pass_(2)
    assert desk.done() == (IntentState.SUCCEEDED, "Approved as lead.")
    other.close()


@pytest.mark.recovery
@pytest.mark.usefixtures("asked")
def test_while_githubs_sign_in_is_away_the_wish_waits(desk, lent):
    reachable, desk.performing = desk.performing, desk.hands(login_url=NOWHERE)
    state, outcome = desk.done()
    assert state is IntentState.PENDING
    assert outcome.endswith("Trying again.")
    assert kept(desk) == lent
    desk.clock.pass_(2)
    desk.performing = reachable
    assert desk.done() == (IntentState.SUCCEEDED, "Approved as lead."), "the right to renew was given back"


@pytest.mark.recovery
@pytest.mark.usefixtures("asked")
def test_a_wrong_client_secret_is_no_fault_of_the_person(desk, lent):
    desk.performing = desk.hands(client_secret=type(lent.access)("wrong"))
    state, outcome = desk.done()
    assert state is IntentState.FAILED
    assert "github.client_secret" in outcome
    assert kept(desk) == lent
    with pytest.raises(CredentialsRejected) as caught:
        desk.lent(client_secret=type(lent.access)("wrong")).live("lead")
    assert not isinstance(caught.value, SignInEnded)


@pytest.mark.usefixtures("asked")
def test_no_secret_is_written_down(desk, lent, caplog):
    caplog.set_level(logging.DEBUG)
    assert desk.done()[0] is IntentState.SUCCEEDED
    renewed = kept(desk)
    desk.oauth().refresh(renewed.refresh)
    desk.clock.pass_(EIGHT_HOURS)
    with pytest.raises(SignInEnded) as caught:
        desk.lent().live("lead")
    with sqlite3.connect(desk.folder / "console.db") as connection:
        written = "\n".join([*connection.iterdump(), caplog.text, repr(caught.value), str(caught.value)])
    connection.close()
    assert "access_token" in caplog.text, "the renewal itself is to be seen"
    for grant in (lent, renewed):
        assert grant.access.get_secret_value() not in written
        assert grant.refresh.get_secret_value() not in written
