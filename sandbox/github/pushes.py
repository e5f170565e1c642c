"""What follows when branches have moved: pull requests learn of it, approvals go stale, other services are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.github import diffs, pulls, record, repositories, reviews
from sandbox.github.git import Git
from sandbox.github.models import ZERO
from sandbox.github.rules import branch_rules
from sandbox.state.documents import Document
from sandbox.world import World

INTENT = "github_ref_intent"  # by repository: what is being done to its refs, for a start after a kill -9


@dataclass(frozen=True, slots=True)
class RefChange:
    """A ref that moved; `before` is ZERO for a new ref, `after` for a deleted one."""

    ref: str
    before: str
    after: str


def intend(
    world: World, repository: str, changes: Sequence[RefChange], pusher: str, merge: Mapping[str, Any] | None = None
) -> None:
    """Note, before git moves a ref, what `applied` will have to follow; the caller holds the repository's lock."""
    body = {"repository": repository, "pusher": pusher, "changes": [asdict(change) for change in changes]}
    world.documents.put(INTENT, repository.lower(), body | {"merge": dict(merge) if merge else None})


def applied(
    world: World, repository: Document, changes: Sequence[RefChange], pusher: str, *, merged: bool = False
) -> None:
    """Record changes that git has made already, in order, and forget the intent. `merged`: a pull request's doing."""
    name = repository["full_name"]
    with repositories.lock(world, name):
        repositories.change(world, name, {"pushed_at": repositories.stamp(world)})
        for change in changes:
            if change.ref.startswith("refs/heads/"):
                record.moved(world, repository, change.ref, change.before, change.after, pusher, merged=merged)
                _follow(world, repository, change, pusher)
            world.events.publish(
                "push",
                {
                    "repository": name,
                    "ref": change.ref,
                    "before": change.before,
                    "after": change.after,
                    "pusher": pusher,
                },
            )
        world.documents.delete(INTENT, name.lower())


def _follow(world: World, repository: Document, change: RefChange, pusher: str) -> None:
    git = repositories.git_of(world, repository["full_name"])
    branch = change.ref.removeprefix("refs/heads/")
    for pull in pulls.every(world, repository["full_name"], "open"):
        if branch in {pull["head_ref"], pull["base_ref"]} and change.after == ZERO:
            close(world, git, pull)
        elif pull["head_ref"] == branch and pull["head_sha"] != change.after:
            _synchronise(world, repository, git, pull, change.after, pusher)
        elif pull["base_ref"] == branch and git.is_ancestor(pull["head_sha"], change.after):
            now = repositories.stamp(world)
            merged = {"merged_at": now, "merged_by": pusher, "merge_commit_sha": change.after}
            fields = {"state": "closed", "closed_at": now, "base_sha": change.before} | merged
            pulls.publish(world, pulls.change(world, pull, **fields), "closed")


def close(world: World, git: Git, pull: Document) -> Document:
    """Close without merging; what the base branch was is kept with the pull request."""
    fields = {"state": "closed", "closed_at": repositories.stamp(world), "base_sha": pulls.base_tip(git, pull)}
    closed = pulls.change(world, pull, **fields)
    pulls.publish(world, closed, "closed")
    return closed


def _synchronise(world: World, repository: Document, git: Git, pull: Document, head: str, pusher: str) -> None:
    """The head moved. A push that leaves the diff as it was (a merge of the base) keeps its approvals."""
    base = pulls.base_tip(git, pull)
    before = diffs.fingerprint(git, pulls.fork_point(git, pull), pull["head_sha"])
    after = diffs.fingerprint(git, git.merge_base(base, head) or diffs.EMPTY_TREE, head)
    fields: Document = {"head_sha": head, "base_sha": base}
    if before != after:
        fields["last_push"] = {"by": pusher, "sha": head}
        if branch_rules(world, repository, pull["base_ref"]).dismiss_stale:
            reviews.dismiss_approvals(world, pull, f"New changes were pushed in {head[:7]}.", pusher, head)
    changed = pulls.change(world, pull, **fields)
    pulls.record_refs(git, changed)
    pulls.publish(world, changed, "synchronize")
