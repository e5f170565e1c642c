"""Annotated tags below a prefix: listed, read, and written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from backend.errors import Conflict, NotFound, RemoteRejected
from backend.gateways.github.client import GitHubConnection

TAGGER = {"name": "MLOps Console", "email": "mlops-console@users.noreply.github.com"}


@dataclass(frozen=True, slots=True)
class Tag:
    name: str
    message: str


class Tags:
    """Tag objects are written without a signature: what is proved is what the repository holds, not by whom."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def find(self, name: str) -> Tag | None:
        """The annotated tag of that name; its message is "" where the tag is a bare pointer."""
        try:
            answer = self._connection.get(f"{{repo}}/git/ref/tags/{quote(name)}", "read a tag")
        except NotFound:
            return None
        return self._read(name, answer["object"])

    def below(self, prefix: str) -> tuple[Tag, ...]:
        """Every tag whose name begins with `prefix`: one request for the list and one for each tag."""
        found = self._objects(prefix)
        return tuple(self._read(name, points_at) for name, points_at in found.items())

    def _objects(self, prefix: str) -> dict[str, Mapping[str, str]]:
        # GitHub answers all matching refs at once or in pages, its documents do not say: a page that brings nothing
        # new is the end either way.
        found: dict[str, Mapping[str, str]] = {}
        page = 1
        while True:
            path = f"{{repo}}/git/matching-refs/tags/{quote(prefix)}"
            answer = self._connection.get(path, "list tags", per_page=100, page=page)
            new = {item["ref"].removeprefix("refs/tags/"): item["object"] for item in answer}
            if new.keys() <= found.keys():
                return found
            found |= new
            page += 1

    def write(self, tag: Tag, commit: str, at: datetime) -> None:
        """Write the tag unless it is there already. Raises Conflict where one of that name says something else.

        The object is the same for the same arguments; only its ref makes it a tag, and a ref is made once.
        """
        if self._same(tag):
            return
        body = {
            "tag": tag.name,
            "message": tag.message,
            "object": commit,
            "type": "commit",
            "tagger": {**TAGGER, "date": at.isoformat()},
        }
        made = self._connection.send("POST", "{repo}/git/tags", "write a tag", body)
        ref = {"ref": f"refs/tags/{tag.name}", "sha": made["sha"]}
        try:
            self._connection.send("POST", "{repo}/git/refs", "name a tag", ref)
        except RemoteRejected:
            # Another worker was first: GitHub says 422 "Reference already exists".
            if not self._same(tag):
                raise

    def _same(self, tag: Tag) -> bool:
        there = self.find(tag.name)
        if there is None:
            return False
        if there.message.strip() != tag.message.strip():
            raise Conflict(
                f"The tag {tag.name} is there already and says something else; it is left as it is.",
                expected=tag.message,
                actual=there.message,
            )
        return True

    def _read(self, name: str, points_at: Mapping[str, str]) -> Tag:
        if points_at["type"] != "tag":
            return Tag(name, "")
        answer = self._connection.get(f"{{repo}}/git/tags/{points_at['sha']}", "read a tag")
        return Tag(name, str(answer["message"]))
