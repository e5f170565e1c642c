"""The repository itself, its variables and its people, for setup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from backend.errors import NotFound
from backend.gateways.github.client import GitHubConnection

SETTINGS = (
    "description",
    "private",
    "allow_squash_merge",
    "allow_merge_commit",
    "allow_rebase_merge",
    "allow_auto_merge",
    "delete_branch_on_merge",
)
"""GitHub leaves the ones about merging out of its answer to a token that may not push."""


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """`settings` by GitHub's names, those that this token may see."""

    owner: str
    owner_id: int
    id: int
    created: datetime
    private: bool
    default_branch: str
    settings: Mapping[str, object]


class Repositories:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection
        self._owner, self._name = connection.repository.split("/")

    def exists(self) -> bool:
        try:
            self._connection.get("{repo}", "read the repository")
        except NotFound:
            return False
        return True

    def default_branch(self) -> str:
        return str(self._connection.get("{repo}", "read the repository")["default_branch"])

    def read(self) -> RepositoryFacts | None:
        """What GitHub says about the repository, or None if there is none that we may see."""
        try:
            answer = self._connection.get("{repo}", "read the repository")
        except NotFound:
            return None
        return RepositoryFacts(
            owner=str(answer["owner"]["login"]),
            owner_id=int(answer["owner"]["id"]),
            id=int(answer["id"]),
            created=datetime.fromisoformat(str(answer["created_at"])),
            private=bool(answer["private"]),
            default_branch=str(answer["default_branch"]),
            settings={name: answer[name] for name in SETTINGS if name in answer},
        )

    def create(self, settings: Mapping[str, object]) -> None:
        """Create the repository in its organisation."""
        body = {"name": self._name, **settings}
        self._connection.send("POST", f"/orgs/{self._owner}/repos", "create the repository", body)

    def change(self, settings: Mapping[str, object]) -> None:
        self._connection.send("PATCH", "{repo}", "change the repository", settings)

    def plan(self) -> str:
        """The organisation's plan (`team`, `enterprise`), "" where GitHub does not tell this token or it has none."""
        try:
            answer = self._connection.get(f"/orgs/{self._owner}", "read the organisation")
        except NotFound:
            return ""
        return str((answer.get("plan") or {}).get("name", ""))

    def variables(self) -> dict[str, str]:
        """Actions variables, which workflows read as `vars.NAME`."""
        found = self._connection.pages("{repo}/actions/variables", "read variables", "variables")
        return {item["name"]: item["value"] for item in found}

    def set_variable(self, name: str, value: str) -> None:
        """Create or change one variable."""
        if name in self.variables():
            path = f"{{repo}}/actions/variables/{name}"
            self._connection.send("PATCH", path, "change a variable", {"name": name, "value": value})
        else:
            body = {"name": name, "value": value}
            self._connection.send("POST", "{repo}/actions/variables", "create a variable", body)
