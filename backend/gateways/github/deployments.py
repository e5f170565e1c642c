"""GitHub deployments: the public record of which commit serves where."""

from __future__ import annotations

from backend.gateways.github.client import GitHubConnection


class Deployments:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def latest(self, environment: str) -> str | None:
        """The commit last recorded for the environment, None before the first."""
        answer = self._connection.get("{repo}/deployments", "read deployments", environment=environment, per_page=1)
        return str(answer[0]["sha"]) if answer else None

    def record(self, commit: str, environment: str, description: str) -> None:
        """Record that this commit now serves; a commit that is the latest already is not recorded twice.

        Commit statuses are not asked for: the decision was taken before, by the promotion.
        """
        if self.latest(environment) == commit:
            return
        body = {
            "ref": commit,
            "environment": environment,
            "description": description[:140],
            "auto_merge": False,
            "required_contexts": [],
            "production_environment": environment == "production",
        }
        answer = self._connection.send("POST", "{repo}/deployments", "record a deployment", body)
        status = {"state": "success", "environment": environment, "description": description[:140]}
        self._connection.send(
            "POST", f"{{repo}}/deployments/{answer['id']}/statuses", "record a deployment's status", status
        )
