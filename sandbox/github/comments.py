"""The conversation of a pull request: comments that belong to no line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.github import pulls
from sandbox.github.errors import invalid, not_found
from sandbox.github.repositories import stamp
from sandbox.state.documents import Document
from sandbox.world import World

COMMENT = "github_issue_comment"  # by repository#number/id
PLACE = "github_issue_comment_place"


def every(world: World, pull: Document) -> list[Document]:
    return [body for _, body in world.documents.list(COMMENT, f"{pulls.key(pull['repository'], pull['number'])}/")]


def create(world: World, pull: Document, login: str, given: Mapping[str, Any]) -> Document:
    if not isinstance(given.get("body"), str) or not given["body"]:
        raise invalid("IssueComment", "body", "missing_field")
    number = 40_000 + world.documents.next_number("github_issue_comment")
    key = f"{pulls.key(pull['repository'], pull['number'])}/{number:012d}"
    now = stamp(world)
    body = {"id": number, "pull": pull["number"], "user": login, "body": given["body"]}
    body |= {"created_at": now, "updated_at": now}
    world.documents.put(COMMENT, key, body)
    world.documents.put(PLACE, str(number), {"key": key, "repository": pull["repository"]})
    pulls.change(world, pull)
    _tell(world, pull["repository"], body, "created", login)
    return body


def change(world: World, repository: Document, number: int, body: str, login: str) -> Document:
    changed = world.documents.update(
        COMMENT, _place(world, repository, number), lambda old: old | {"body": body, "updated_at": stamp(world)}
    )
    if changed is None:
        raise not_found()
    _tell(world, repository["full_name"], changed, "edited", login)
    return changed


def get(world: World, repository: Document, number: int) -> Document:
    found = world.documents.get(COMMENT, _place(world, repository, number))
    if found is None:
        raise not_found()
    return found


def delete(world: World, repository: Document, number: int, login: str) -> None:
    found = get(world, repository, number)
    world.documents.delete(COMMENT, _place(world, repository, number))
    world.documents.delete(PLACE, str(number))
    _tell(world, repository["full_name"], found, "deleted", login)


def _tell(world: World, repository: str, comment: Document, action: str, login: str) -> None:
    told = {"repository": repository, "number": comment["pull"], "comment": comment}
    world.events.publish("issue_comment", told | {"action": action, "by": login})


def _place(world: World, repository: Document, number: int) -> str:
    place = world.documents.get(PLACE, str(number))
    if place is None or place["repository"] != repository["full_name"]:
        raise not_found()
    return str(place["key"])
