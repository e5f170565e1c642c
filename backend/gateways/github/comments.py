"""Comments in the conversation of a pull request. https://docs.github.com/rest/issues/comments"""

from __future__ import annotations

from dataclasses import dataclass

from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.rows import login


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    author: str
    body: str


class Comments:
    """Writing needs *pull requests: write*."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def of(self, number: int) -> tuple[Comment, ...]:
        """All of a pull request, oldest first."""
        found = self._connection.pages(f"{{repo}}/issues/{number}/comments", "read comments")
        read = (Comment(int(item["id"]), login(item.get("user")), str(item.get("body") or "")) for item in found)
        return tuple(sorted(read, key=lambda comment: comment.id))

    def create(self, number: int, body: str) -> None:
        self._connection.send("POST", f"{{repo}}/issues/{number}/comments", "write a comment", {"body": body})

    def change(self, id_: int, body: str) -> None:
        """Raises NotFound where somebody has deleted it."""
        self._connection.send("PATCH", f"{{repo}}/issues/comments/{id_}", "change a comment", {"body": body})

    def delete(self, id_: int) -> None:
        """Raises NotFound where it is gone already."""
        self._connection.send("DELETE", f"{{repo}}/issues/comments/{id_}", "delete a comment", {})
