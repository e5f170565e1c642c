"""Actions variables of a repository, which workflows read as `vars.NAME`."""

from __future__ import annotations

import re
from typing import Any

from sandbox.github.errors import GitHubError, not_found
from sandbox.github.repositories import stamp
from sandbox.state.documents import Document
from sandbox.world import World

VARIABLE = "github_variable"  # by repository/NAME
NAME = re.compile(r"^[A-Z_][A-Z0-9_]*$")


def variables(world: World, repository: str) -> dict[str, str]:
    """Name to value."""
    return {body["name"]: body["value"] for body in every(world, repository)}


def every(world: World, repository: str) -> list[Document]:
    found = [body for _, body in world.documents.list(VARIABLE, f"{repository.lower()}/")]
    return sorted(found, key=lambda body: str(body["name"]))


def get(world: World, repository: str, name: str) -> Document:
    found = world.documents.get(VARIABLE, f"{repository.lower()}/{name.upper()}")
    if found is None:
        raise not_found()
    return found


def create(world: World, repository: str, given: dict[str, Any]) -> None:
    """Names are kept in upper case; 409 when the name is taken, 422 when it is not a name."""
    name = str(given.get("name") or "").upper()
    if not NAME.match(name) or name.startswith("GITHUB_"):
        raise GitHubError(
            422,
            "Variable names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). "
            "Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_).",
        )
    body = {"name": name, "value": _value(given), "created_at": stamp(world), "updated_at": stamp(world)}
    if not world.documents.create(VARIABLE, f"{repository.lower()}/{name}", body):
        raise GitHubError(409, "Already exists - Variable already exists")


def change(world: World, repository: str, name: str, given: dict[str, Any]) -> None:
    get(world, repository, name)
    fields = {"value": _value(given)} if "value" in given else {}
    world.documents.update(
        VARIABLE, f"{repository.lower()}/{name.upper()}", lambda body: body | fields | {"updated_at": stamp(world)}
    )


def delete(world: World, repository: str, name: str) -> None:
    if not world.documents.delete(VARIABLE, f"{repository.lower()}/{name.upper()}"):
        raise not_found()


def _value(given: dict[str, Any]) -> str:
    if not isinstance(given.get("value"), str):
        raise GitHubError(422, 'Invalid request.\n\n"value" wasn\'t supplied.')
    return str(given["value"])
