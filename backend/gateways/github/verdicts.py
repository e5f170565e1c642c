"""A person's own verdicts on pull requests: reviews and merges."""

from __future__ import annotations

from backend.gateways.github.client import GitHubConnection


class Verdicts:
    """Reviews and merges as the person whose token the connection holds. Each names the commit it is about."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def approve(self, number: int, head_sha: str, reason: str) -> None:
        """Approve this commit. Raises RemoteRejected with GitHub's sentence (own pull request, closed, ...)."""
        self._review(number, head_sha, "APPROVE", reason, "approve")

    def request_changes(self, number: int, head_sha: str, reason: str) -> None:
        self._review(number, head_sha, "REQUEST_CHANGES", reason, "request changes")

    def reviewed(self, number: int, login: str, head_sha: str, state: str) -> bool:
        """Whether `login`'s latest verdict on this commit is `state` (`APPROVED`, `CHANGES_REQUESTED`)."""
        reviews = self._connection.pages(f"{{repo}}/pulls/{number}/reviews", "read reviews")
        states = [
            review["state"]
            for review in reviews
            if review["user"] and review["user"]["login"] == login and review["commit_id"] == head_sha
        ]
        verdicts = [state for state in states if state in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}]
        return bool(verdicts) and verdicts[-1] == state

    def merge(self, number: int, head_sha: str, title: str, reason: str = "") -> str:
        """Squash-merge exactly this head and answer the commit made.

        Raises RemoteRejected with the rule that refuses it, or if the head has moved.
        """
        body = {
            "merge_method": "squash",
            "sha": head_sha,
            "commit_title": f"{title} (#{number})",
            "commit_message": reason,
        }
        answer = self._connection.send("PUT", f"{{repo}}/pulls/{number}/merge", "merge", body)
        return str(answer["sha"])

    def login(self) -> str:
        """Whose token this is."""
        return str(self._connection.get("/user", "read whose token this is")["login"])

    def _review(self, number: int, head_sha: str, event: str, reason: str, operation: str) -> None:
        body = {"event": event, "commit_id": head_sha, "body": reason, "comments": []}
        self._connection.send("POST", f"{{repo}}/pulls/{number}/reviews", operation, body)
