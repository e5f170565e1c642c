"""The repository itself, its variables and its people, for setup."""

from __future__ import annotations

from backend.errors import NotFound
from backend.gateways.github.client import GitHubConnection


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

    def create(self, description: str) -> None:
        """Create the repository in its organisation: private, and merged by squash only, as the ruleset asks."""
        body = {
            "name": self._name,
            "description": description,
            "private": True,
            "allow_merge_commit": False,
            "allow_rebase_merge": False,
            "allow_squash_merge": True,
            "delete_branch_on_merge": True,
        }
        self._connection.send("POST", f"/orgs/{self._owner}/repos", "create the repository", body)

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
