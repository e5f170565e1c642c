"""What the other services hear of pushes and merges, and what a start after a kill -9 still tells them."""

from __future__ import annotations

import threading

import pytest

from sandbox.github import merging, pulls, pushes, recovery, repositories
from sandbox.github.access import caller_of
from sandbox.github.errors import GitHubError
from sandbox.github.merging import MergeRequest
from sandbox.github.models import ZERO
from sandbox.github.pushes import RefChange
from sandbox.github.quota import Quota
from sandbox.identity.tokens import Principal
from sandbox.world import Settings, open_world

NAME = "hospital/diabetes"
LEAD = caller_of(Principal("person", "lead"))


class Heard:
    """Events in the order of their delivery."""

    def __init__(self, world):
        self._world = world
        self._events = []
        for name in ("push", "pull_request"):
            world.events.subscribe(name, lambda event, name=name: self._events.append((name, event)))

    def take(self):
        """What has been delivered so far: one thread delivers in order, so a marker comes last."""
        done = threading.Event()
        self._world.events.subscribe("marker", lambda _: done.set())
        self._world.events.publish("marker", {})
        assert done.wait(10)
        taken, self._events[:] = list(self._events), []
        return taken


@pytest.fixture
def world(tmp_path):
    opened = open_world(Settings(home=tmp_path, runtime_python=tmp_path, runner_python=tmp_path))
    yield opened
    opened.documents.close()
    opened.events.close()


@pytest.fixture
def repository(world):
    made = repositories.create(world, "hospital", "diabetes", {"delete_branch_on_merge": True})
    repositories.first_commit(world, made, "lead")
    return made


def commit_on(world, parent, text):
    git = repositories.git_of(world, NAME)
    tree = git.run("mktree", "-z", stdin=f"100644 blob {git.write_blob(text.encode())}\tnotes.txt\0".encode())
    who = merging.signature("scientist", repositories.stamp(world))
    return git.make_commit(tree.decode().strip(), [parent], text, who, who)


def opened_pull(world, repository, branch="feature"):
    git = repositories.git_of(world, NAME)
    head = commit_on(world, git.ref("refs/heads/main"), f"on {branch}")
    git.move_ref(f"refs/heads/{branch}", head, ZERO)
    return pulls.create(world, repository, "scientist", {"title": "T", "head": branch, "base": "main"}, {})


def test_a_push_synchronises_the_pull_request_and_is_told(world, repository):
    pull = opened_pull(world, repository)
    heard, git = Heard(world), repositories.git_of(world, NAME)
    new = commit_on(world, pull["head_sha"], "more")
    git.move_ref("refs/heads/feature", new)
    pushes.applied(world, repository, [RefChange("refs/heads/feature", pull["head_sha"], new)], "scientist")
    (first, synchronised), (second, pushed) = heard.take()
    assert (first, second) == ("pull_request", "push")
    assert (synchronised["action"], synchronised["head_sha"], synchronised["author"]) == (
        "synchronize",
        new,
        "scientist",
    )
    assert pushed == {
        "repository": NAME,
        "ref": "refs/heads/feature",
        "before": pull["head_sha"],
        "after": new,
        "pusher": "scientist",
    }
    assert git.ref("refs/pull/1/head") == new


def test_a_merge_closes_the_pull_request_and_pushes_main(world, repository):
    pull = opened_pull(world, repository)
    heard = Heard(world)
    merged = merging.merge(world, repository, pull["number"], LEAD, MergeRequest("squash", pull["head_sha"]))
    (_, closed), (_, main), (_, deleted) = heard.take()
    assert (closed["action"], closed["merged"], closed["head_ref"]) == ("closed", True, "feature")
    assert (main["ref"], main["after"], main["pusher"]) == ("refs/heads/main", merged["merge_commit_sha"], "lead")
    assert (deleted["ref"], deleted["after"]) == ("refs/heads/feature", ZERO)


def test_of_two_merges_at_once_the_second_sees_the_first(world, repository):
    numbers = [opened_pull(world, repository, branch)["number"] for branch in ("one", "two")]
    outcomes = []

    def merge(number):
        try:
            outcomes.append(merging.merge(world, repository, number, LEAD, MergeRequest("squash"))["state"])
        except GitHubError as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=merge, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["Pull Request is not mergeable", "closed"]


def test_a_push_that_nobody_followed_is_followed_at_the_next_start(world, repository):
    pull = opened_pull(world, repository)
    heard, git = Heard(world), repositories.git_of(world, NAME)
    new = commit_on(world, pull["head_sha"], "more")
    done = RefChange("refs/heads/feature", pull["head_sha"], new)
    never = RefChange("refs/heads/main", git.ref("refs/heads/main"), new)
    pushes.intend(world, NAME, [done, never], "scientist")
    git.move_ref(done.ref, new)
    recovery.resume(world)
    assert pulls.get(world, NAME, 1)["head_sha"] == new
    assert [(name, event.get("ref")) for name, event in heard.take()] == [
        ("pull_request", None),
        ("push", "refs/heads/feature"),
    ]
    recovery.resume(world)
    assert heard.take() == []


@pytest.mark.parametrize("moved", [True, False])
def test_a_merge_is_finished_or_forgotten_at_the_next_start(world, repository, moved):
    pull = opened_pull(world, repository)
    git = repositories.git_of(world, NAME)
    before = git.ref("refs/heads/main")
    change = RefChange("refs/heads/main", before, commit_on(world, before, "squashed"))
    pushes.intend(world, NAME, [change], "lead", {"number": pull["number"]})
    if moved:
        git.move_ref(change.ref, change.after, before)
    recovery.resume(world)
    found = pulls.get(world, NAME, pull["number"])
    assert (found["merged_at"] is not None, found["merged_by"]) == ((True, "lead") if moved else (False, None))
    assert (git.ref("refs/heads/feature") is None) is moved


def test_a_used_up_quota_is_githubs_403():
    quota = Quota("core", 2, 1_800_000_000, "user ID 102")
    quota.charge(2)
    with pytest.raises(GitHubError) as refused:
        quota.charge(1)
    assert (refused.value.status, refused.value.message) == (403, "API rate limit exceeded for user ID 102.")
    assert refused.value.headers["X-RateLimit-Remaining"] == "0"
    quota.charge(-1)
    quota.charge(1)
