"""Who calls GitHub, and what they may do with a repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sandbox.accounts import ORGANISATION, PEOPLE, Person
from sandbox.github.errors import lacks_permission, not_found
from sandbox.github.models import APPS, App
from sandbox.identity.tokens import Principal
from sandbox.state.documents import Document

Level = Literal["read", "write", "admin"]
RANKS = {"none": 0, "read": 1, "pull": 1, "write": 2, "push": 2, "admin": 3}
BOT_NUMBERS = {"github-actions[bot]": 41898282, "mlops-console[bot]": 990002}

# What a person needs on the repository, where it is not simply `pull` to read and `push` to write.
PERSON_NEEDS: dict[tuple[str, str], str] = {
    ("pull_requests", "comment"): "pull",
    ("administration", "read"): "admin",
    ("administration", "write"): "admin",
    ("repository_hooks", "read"): "admin",
    ("repository_hooks", "write"): "admin",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """A person, a workflow run or the installed app. `app` is set where the token is an app's own."""

    login: str
    number: int
    person: Person | None
    app: App | None
    repository: str
    permissions: Mapping[str, str]

    def permission(self, repository: Document) -> str:
        """`none`, `read`, `write` or `admin` on the repository."""
        if self.person is not None:
            return person_permission(self.person, repository)
        if self.repository and self.repository.lower() != repository["full_name"].lower():
            return "none"
        return "write" if self.permissions.get("contents") == "write" else "read"

    def may(self, repository: Document, resource: str, action: str) -> bool:
        """Whether the caller may `read`, `write` (or `comment` on) a resource such as `contents` or `checks`."""
        granted = self.permission(repository)
        if granted == "none":
            return False
        if self.person is not None:
            if (resource, action) == ("checks", "write"):
                return False  # only apps write check runs
            default = "pull" if action == "read" else "push"
            return RANKS[granted] >= RANKS[PERSON_NEEDS.get((resource, action), default)]
        needed = "read" if action == "read" else "write"
        held = self.permissions.get(resource, "read" if resource == "metadata" else "none")
        return RANKS[held] >= RANKS[needed]

    def require(self, repository: Document, resource: str, action: str) -> None:
        """Raise GitHub's refusal: 404 for what only administrators may know of, else 403."""
        if self.may(repository, resource, action):
            return
        if self.person is not None and resource in {"administration", "repository_hooks"}:
            raise not_found()
        raise lacks_permission()


def person_permission(person: Person, repository: Document) -> str:
    if repository["owner"].lower() == ORGANISATION:
        return {"pull": "read", "push": "write", "admin": "admin"}[person.permission]
    return "admin" if repository["owner"].lower() == person.login else "none"


def can_push(login: str, repository: Document) -> bool:
    """Whether an account's reviews count and it may own code."""
    person = person_named(login)
    return person is not None and RANKS[person_permission(person, repository)] >= RANKS["write"]


def person_named(login: str) -> Person | None:
    return next((person for person in PEOPLE if person.login == login.lower()), None)


def account_number(login: str) -> int:
    person = person_named(login)
    return person.number if person is not None else BOT_NUMBERS.get(login, 990_003)


def caller_of(principal: Principal) -> Caller:
    """The GitHub account behind a token that `identity` accepted."""
    if principal.kind == "person":
        person = person_named(principal.name)
        return Caller(principal.name, account_number(principal.name), person, None, "", {})
    if principal.kind == "workflow":
        app = APPS["github-actions"]
        login = "github-actions[bot]"
        return Caller(login, BOT_NUMBERS[login], None, app, principal.repository, principal.permissions)
    login = "mlops-console[bot]"
    return Caller(login, BOT_NUMBERS[login], None, APPS["mlops-console"], "", principal.permissions)
