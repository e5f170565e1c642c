"""What GitHub keeps of a repository's past: who moved a branch, what became of a pull request's reviews and of itself.

Activities: https://docs.github.com/rest/repos/repos#list-repository-activities
Events: https://docs.github.com/rest/issues/events
"""

from __future__ import annotations

from typing import Any

from sandbox.github.models import ZERO
from sandbox.github.repositories import git_of, stamp
from sandbox.state.documents import Document
from sandbox.world import World

ACTIVITY = "github_activity"  # by repository/id
EVENT = "github_issue_event"  # by repository/id


def moved(world: World, repository: Document, ref: str, before: str, after: str, login: str, *, merged: bool) -> None:
    """Keep that a branch moved; told again after a kill -9, it is kept once."""
    latest = next((a for a in activities(world, repository) if a["ref"] == ref), None)
    if latest is not None and (latest["before"], latest["after"]) == (before, after):
        return
    number = 7_000_000 + world.documents.next_number("github_activity")
    body: Document = {
        "id": number,
        "before": before,
        "after": after,
        "ref": ref,
        "timestamp": stamp(world),
        "activity_type": _type(world, repository, before, after, merged=merged),
        "actor": login,
    }
    world.documents.put(ACTIVITY, _key(repository, number), body)


def _type(world: World, repository: Document, before: str, after: str, *, merged: bool) -> str:
    if before == ZERO:
        return "branch_creation"
    if after == ZERO:
        return "branch_deletion"
    if merged:
        return "pr_merge"
    forward = git_of(world, repository["full_name"]).is_ancestor(before, after)
    return "push" if forward else "force_push"


def activities(world: World, repository: Document) -> list[Document]:
    """Newest first."""
    return [body for _, body in world.documents.list(ACTIVITY, _prefix(repository))][::-1]


def happened(world: World, full_name: str, pull: int, event: str, login: str, **fields: Any) -> None:
    """Keep an event of a pull request."""
    number = 8_000_000 + world.documents.next_number("github_issue_event")
    body: Document = {"id": number, "pull": pull, "event": event, "actor": login, "created_at": stamp(world), **fields}
    world.documents.put(EVENT, f"{full_name.lower()}/{number:012d}", body)


def events(world: World, repository: Document) -> list[Document]:
    """Newest first."""
    return [body for _, body in world.documents.list(EVENT, _prefix(repository))][::-1]


def _prefix(repository: Document) -> str:
    return f"{repository['full_name'].lower()}/"


def _key(repository: Document, number: int) -> str:
    return f"{_prefix(repository)}{number:012d}"
