"""Who may act, and which wishes about a pull request are recorded or refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from backend.domain.people import Actor, GitHubGrant, Role
from backend.domain.promotions import IntentKind, IntentState
from backend.domain.reviews import Mergeability, PullCommit, PullRequest
from backend.errors import Conflict, Invalid, NotPermitted
from backend.gateways.github.actions import Actions
from backend.gateways.github.board import Board
from backend.gateways.github.client import GitHubReader
from backend.gateways.github.oauth import OAuth
from backend.gateways.github.pulls import Pulls
from backend.operations.council import rules_of
from backend.operations.people import People
from backend.operations.reviews import Reviews
from backend.settings import Cloud, GitHub
from backend.store import Store
from tests.recovery.hospital import PROJECT

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
HEAD = "a" * 40
REASON = "Reads well, and the numbers hold"
LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path}/console.db", lambda: NOW, SecretStr(Fernet.generate_key().decode()))
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def reviews(store):
    return reviews_of(store, PROJECT)


def reviews_of(store, project):
    nowhere = GitHubReader("https://localhost:9/api/v3", "hospital/diabetes", SecretStr("recording reaches no network"))
    return Reviews(Pulls(nowhere), Board(nowhere), Actions(nowhere), store, lambda: NOW, rules_of(project))


@pytest.fixture
def people(store):
    oauth = OAuth(GitHub(client_id="app"), Cloud(), "http://127.0.0.1:8501/github/callback", lambda: NOW)
    return People(oauth, store, lambda: NOW, 3600, {})


@pytest.fixture
def connected(store):
    store.tokens.put("lead", "lee-of-the-hospital", GitHubGrant(access=SecretStr("ghu_1")))


def pull(author="scientist"):
    return PullRequest(
        number=7, title="Better", author=author, head_ref="better", head_sha=HEAD, base_ref="main", base_sha="b" * 40,
        draft=False, created_at=NOW, updated_at=NOW, additions=1, deletions=0, changed_files=1, reviews=(), checks=(),
        mergeability=Mergeability.MERGEABLE, merge_state="CLEAN", required_checks=(),
    )  # fmt: skip


def record(reviews, actor=LEAD, kind=IntentKind.APPROVE_AND_MERGE, author="scientist", **changes):
    given = {"number": 7, "head_sha": HEAD, "author": author, "reason": REASON, "key": "click-1", **changes}
    return reviews.record(actor, kind, **given)


def claims(**changes):
    base = {"preferred_username": "lead", "roles": ["lead"], "auth_time": NOW.timestamp() - 60}
    return {**base, **changes}


@pytest.mark.usefixtures("connected")
def test_a_click_is_one_wish_however_often_it_is_sent(reviews, store):
    first, again = record(reviews), record(reviews)
    assert first == again
    assert (first.state, first.head_sha, first.actor) == (IntentState.PENDING, HEAD, "lead")
    assert reviews.intents(7) == (first,)
    assert reviews.intent("click-1") == first
    assert [entry.subject for entry in store.audit.entries(subject="pull_request/7")] == ["pull_request/7"]
    with pytest.raises(Conflict):
        record(reviews, reason="Another reason altogether, under the same key")
    with pytest.raises(Conflict, match="already being performed"):
        record(reviews, key="click-2")


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"reason": "  "}, Invalid),
        ({"reason": "ok"}, Invalid),
        ({"head_sha": HEAD[:7]}, Invalid),
        ({"key": ""}, Invalid),
        ({"author": "lead"}, NotPermitted),
        ({"author": "Lee-of-the-Hospital"}, NotPermitted),
    ],
)
def test_what_is_refused_leaves_no_trace(reviews, store, changes, error):
    before = len(store.audit.entries())
    with pytest.raises(error):
        record(reviews, **changes)
    assert reviews.intents(7) == ()
    assert len(store.audit.entries()) == before


def written_by(*authors):
    return (PullCommit(sha="c" * 40, title="x", author="scientist", at=NOW, authors=authors),)


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("kind", [IntentKind.APPROVE, IntentKind.APPROVE_AND_MERGE])
@pytest.mark.parametrize("author", ["Lee-of-the-Hospital", "Lee <lead@home.example>"])
def test_who_wrote_a_commit_or_is_named_in_it_does_not_approve_it(reviews, kind, author):
    commits = written_by("scientist", author)
    said = "You wrote commit ccccccc of this pull request, so another reviewer must approve it."
    assert reviews.refusal(LEAD, kind, pull(), commits) == said
    with pytest.raises(NotPermitted, match="You wrote commit ccccccc"):
        record(reviews, kind=kind, commits=commits)
    assert reviews.refusal(LEAD, IntentKind.MERGE, pull(), commits) == ""
    assert reviews.refusal(LEAD, IntentKind.REQUEST_CHANGES, pull(), commits) == ""
    assert reviews.refusal(LEAD, kind, pull(), written_by("scientist", "deputy")) == ""


@pytest.mark.usefixtures("connected")
def test_a_project_that_lets_authors_approve_lets_co_authors(store):
    approval = PROJECT.approval.model_copy(update={"author_may_approve": True})
    reviews = reviews_of(store, PROJECT.model_copy(update={"approval": approval}))
    assert reviews.refusal(LEAD, IntentKind.APPROVE, pull(), written_by("lee-of-the-hospital")) == ""


REFUSALS = [
    ("viewer", "scientist", IntentKind.APPROVE, "takes the role lead"),
    ("scientist", "somebody", IntentKind.MERGE, "takes the role lead"),
    ("operator", "scientist", IntentKind.REQUEST_CHANGES, "takes the role lead"),
    ("lead", "lead", IntentKind.APPROVE, "You opened this pull request"),
    ("lead", "lead", IntentKind.REQUEST_CHANGES, "You opened this pull request"),
    ("lead", "scientist", IntentKind.APPROVE, "Connect GitHub first"),
    ("lead", "lead", IntentKind.MERGE, "Connect GitHub first"),
]


@pytest.mark.parametrize(("role", "author", "kind", "sentence"), REFUSALS)
def test_the_button_and_the_operation_say_the_same(reviews, role, author, kind, sentence):
    actor = Actor(name=role, roles=frozenset({Role(role)}))
    shown = reviews.refusal(actor, kind, pull(author))
    assert sentence in shown
    with pytest.raises(NotPermitted) as caught:
        record(reviews, actor, kind, author)
    assert str(caught.value) == shown


@pytest.mark.usefixtures("connected")
def test_an_author_may_merge_what_another_approved(reviews):
    assert reviews.refusal(LEAD, IntentKind.MERGE, pull("lee-of-the-hospital")) == ""
    assert reviews.refusal(LEAD, IntentKind.APPROVE_AND_MERGE, pull("scientist")) == ""


def test_a_person_with_roles(people):
    actor = people.actor(claims(roles=["lead", "something else"]), "cli")
    assert (actor.name, actor.roles, actor.channel) == ("lead", {Role.LEAD}, "cli")
    assert actor.authenticated_at == datetime(2026, 11, 23, 17, 59, tzinfo=UTC)
    assert people.actor(claims(preferred_username="lead@hospital.example", roles="operator"), "cli").name == "lead"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"preferred_username": ""}, "no account name"),
        ({"preferred_username": None}, "no account name"),
        ({"roles": []}, "no role"),
        ({"roles": None}, "no role"),
        ({"roles": ["superuser"]}, "no role"),
        ({"auth_time": NOW.timestamp() - 3601}, "too old"),
        ({"auth_time": NOW.timestamp() + 3600}, "too old"),
        ({"auth_time": None}, "auth_time"),
        ({"auth_time": "yesterday"}, "auth_time"),
    ],
)
def test_claims_that_are_not_enough(people, changes, sentence):
    with pytest.raises(NotPermitted, match=sentence):
        people.actor(claims(**changes), "console")


def test_a_sign_in_is_in_the_ledger(people, store):
    people.signed_in(claims(), "cli")
    (entry,) = store.audit.entries(actor="lead")
    assert (entry.action, entry.channel, entry.after) == ("person.signed_in", "cli", "lead")


def test_a_consent_carries_a_challenge_and_keeps_its_verifier(people):
    first, second = people.begin_github("lead"), people.begin_github("lead")
    assert "code_challenge_method=S256" in first.url
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A8501%2Fgithub%2Fcallback" in first.url
    assert first.verifier not in first.url
    assert first.state in first.url
    assert {first.state, first.verifier}.isdisjoint({second.state, second.verifier})


@pytest.mark.usefixtures("connected")
def test_a_token_is_never_readable_in_the_database_or_the_ledger(store, tmp_path):
    store.close()
    written = b"".join(path.read_bytes() for path in tmp_path.glob("console.db*"))
    assert b"ghu_1" not in written
    assert "ghu_1" not in json.dumps([entry.model_dump(mode="json") for entry in store.audit.entries()])
