"""The watch over the repository against the wire: what passed the rules by is noticed, merges are quoted."""

from __future__ import annotations

import copy

import pytest
from github_lab import RULESET, close_lab, open_lab
from pydantic import SecretStr

from backend.domain.clock import utc_now
from backend.domain.unexplained import EventKind
from backend.errors import NotFound
from backend.gateways.github.client import GitHubReader
from backend.gateways.github.past import Past
from backend.gateways.github.rulesets import Ruleset, Rulesets
from backend.operations.repository_watch import RepositoryWatch
from sandbox.identity.secrets import INSTALLATION_PERMISSIONS
from sandbox.identity.tokens import issue_github_token
from tests.recovery.hospital import PROJECT, fresh_store

DECLARED = Ruleset(name=RULESET["name"], checks=("quality-gate",))
OPEN_DOOR = [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]


@pytest.fixture
def lab(sandbox, tmp_path):
    made = open_lab(sandbox, tmp_path)
    yield made
    close_lab(made)


class Watched:
    def __init__(self, lab, store):
        self.lab, self.store = lab, store
        self.clone = lab.start()
        self.ruleset = lab.protect()
        token = SecretStr(issue_github_token(lab.world, permissions=INSTALLATION_PERMISSIONS))
        connection = GitHubReader(f"{lab.world.settings.url}/api/v3", lab.full_name, token, str(lab.ca_file))
        self.past = Past(connection, "quality-gate")
        self.watch = RepositoryWatch(store, self.past, Rulesets(connection), PROJECT, (DECLARED,))
        self.watch.look()

    def noticed(self):
        """Looks twice: the same thing is one event."""
        self.watch.look()
        events = self.store.unexplained.unexplained()
        self.watch.look()
        assert [event.id for event in self.store.unexplained.unexplained()] == [event.id for event in events]
        return {event.kind: event for event in events}

    def quoted(self, action):
        return [entry for entry in reversed(self.store.audit.entries()) if entry.action == action]

    def change_ruleset(self, **fields):
        path = f"/repos/{self.lab.full_name}/rulesets/{self.ruleset['id']}"
        self.lab.repo("lead").requester.requestJsonAndCheck("PUT", path, input=fields)


@pytest.fixture
def watched(lab, tmp_path):
    store = fresh_store(tmp_path, utc_now)
    yield Watched(lab, store)
    assert store.audit.verify().whole
    store.close()


def test_before_the_first_push_there_is_nothing_to_look_at_and_what_is_gone_is_a_fault(lab, tmp_path):
    store = fresh_store(tmp_path, utc_now)
    token = SecretStr(issue_github_token(lab.world, permissions=INSTALLATION_PERMISSIONS))
    connection = GitHubReader(f"{lab.world.settings.url}/api/v3", "hospital/not-made-yet", token, str(lab.ca_file))
    watch = RepositoryWatch(store, Past(connection, "quality-gate"), Rulesets(connection), PROJECT, (DECLARED,))
    watch.look()
    assert store.unexplained.unexplained() == ()
    with store.writing() as transaction:
        store.marks.set("branch/main", "7000001", transaction)
    with pytest.raises(NotFound):
        watch.look()
    store.close()


def merged(watched, branch, *, approve=True, check=True):
    lab = watched.lab
    _, pull = lab.feature(branch)
    if check:
        lab.check(pull.head.sha)
    if approve:
        lab.approve("lead", pull.number)
    lab.repo("lead").get_pull(pull.number).merge(merge_method="squash")
    return lab.repo("lead").get_pull(pull.number)


def test_a_reviewed_merge_is_quoted_with_githubs_own_ids_and_is_no_event(watched):
    pull = merged(watched, "fine")
    assert watched.noticed() == {}
    (row,) = watched.quoted("github.merged")
    assert (row.actor, row.channel, row.subject, row.after) == (
        "lead",
        "github",
        f"pull_request/{pull.number}",
        pull.merge_commit_sha,
    )
    (activity,) = [change for change in watched.past.branch("main") if change.kind == "pr_merge"]
    assert row.detail["github_id"] == f"activity {activity.id}"
    assert row.detail["github_at"] == pull.merged_at.isoformat()
    (review,) = watched.quoted("github.reviewed")
    (given,) = pull.get_reviews()
    assert (review.actor, review.after, review.detail["github_id"]) == ("lead", "approved", f"review {given.id}")


def test_an_administrators_bypass_is_noticed_at_every_step(watched):
    watched.change_ruleset(bypass_actors=OPEN_DOOR)
    found = watched.noticed()
    assert set(found) == {EventKind.RULESET}
    assert "bypass: RepositoryRole 5 -> none" in found[EventKind.RULESET].actual
    pull = merged(watched, "unreviewed", approve=False, check=False)
    found = watched.noticed()
    assert set(found) == {EventKind.RULESET, EventKind.MERGE}
    told = found[EventKind.MERGE]
    assert (told.by, told.subject) == ("lead", f"pull_request/{pull.number}")
    assert "no approval" in told.actual
    assert "check had not passed" in told.actual
    lab = watched.lab
    lab.git(watched.clone, "pull", "--quiet", "origin", "main")
    sha = lab.commit(watched.clone, {"README.md": "in a hurry\n"}, "In a hurry")
    lab.git(watched.clone, "push", "--quiet", "origin", "HEAD:main")
    pushed = watched.noticed()[EventKind.PUSH]
    assert (pushed.by, pushed.subject) == ("lead", "branch/main")
    assert sha[:7] in pushed.actual
    lab.git(watched.clone, "reset", "--quiet", "--hard", "HEAD~1")
    lab.git(watched.clone, "push", "--quiet", "--force", "origin", "HEAD:main")
    assert watched.noticed()[EventKind.HISTORY].actual == "rewritten"
    watched.change_ruleset(bypass_actors=[])
    found = watched.noticed()
    assert found[EventKind.RULESET].resolved_at is not None
    assert found[EventKind.PUSH].resolved_at is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"enforcement": "disabled"}, "active: no -> yes"),
        ({"rules": RULESET["rules"][:2]}, "approvals: 0 -> 1"),
    ],
)
def test_a_ruleset_that_is_changed_or_disabled_is_noticed(watched, fields, words):
    watched.change_ruleset(**copy.deepcopy(fields))
    assert words in watched.noticed()[EventKind.RULESET].actual


def test_a_ruleset_that_is_deleted_is_noticed(watched):
    path = f"/repos/{watched.lab.full_name}/rulesets/{watched.ruleset['id']}"
    watched.lab.repo("lead").requester.requestJsonAndCheck("DELETE", path)
    assert watched.noticed()[EventKind.RULESET].actual == "it is gone"


def test_a_review_that_a_person_dismissed_is_noticed_and_one_that_a_push_made_stale_is_not(watched):
    lab = watched.lab
    clone, pull = lab.feature("changing")
    lab.approve("lead", pull.number)
    lab.commit(clone, {"training/params.toml": "# again\n"}, "Again")
    lab.git(clone, "push", "--quiet", "origin", "changing")
    assert watched.noticed() == {}
    (stale,) = watched.quoted("github.review_dismissed")
    assert stale.subject == f"pull_request/{pull.number}"
    review = lab.approve("lead", pull.number)
    review.dismiss("I have changed my mind about her")
    event = watched.noticed()[EventKind.DISMISSED]
    assert (event.by, "changed my mind" in event.actual) == ("lead", True)
    assert len(watched.quoted("github.review_dismissed")) == 2


def test_what_was_there_before_the_first_look_is_no_event(lab, tmp_path):
    store = fresh_store(tmp_path, utc_now)
    watched = Watched(lab, store)
    assert watched.noticed() == {}
    assert [change.kind for change in watched.past.branch("main")] == ["branch_creation"]
    store.close()
