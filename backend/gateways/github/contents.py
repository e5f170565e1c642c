"""Files of the repository at a commit, and what changed between two."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from backend.domain.reviews import ChangedFile
from backend.errors import NotFound, RemoteRejected
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.errors import SERVICE
from backend.gateways.github.files import LARGEST_DIFF, as_file, within


@dataclass(frozen=True, slots=True)
class Difference:
    """`merge_base` is where `head` left `base`; `paths` are what changed since."""

    merge_base: str
    paths: tuple[str, ...]


class Contents:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def file(self, path: str, ref: str) -> bytes | None:
        """A file's bytes at a commit or branch; None where it does not exist there. At most 1 MB, GitHub's limit."""
        try:
            answer = self._connection.get(f"{{repo}}/contents/{quote(path)}", "read a file", ref=ref)
        except NotFound:
            return None
        if isinstance(answer, list) or answer.get("encoding") != "base64":
            raise RemoteRejected(
                f"{path} at {ref[:12]} is a folder or larger than 1 MB, which this API does not serve.",
                service=SERVICE,
                operation="read a file",
            )
        return base64.b64decode(answer["content"])

    def folder(self, path: str, ref: str) -> tuple[str, ...]:
        """The paths of the files in a folder at a commit or branch; none where it does not exist."""
        try:
            answer = self._connection.get(f"{{repo}}/contents/{quote(path)}", "list a folder", ref=ref)
        except NotFound:
            return ()
        found = answer if isinstance(answer, list) else []
        return tuple(sorted(str(item["path"]) for item in found if item["type"] == "file"))

    def head(self, branch: str) -> str:
        """The commit a branch points at."""
        answer = self._connection.get(f"{{repo}}/commits/{quote(branch)}", "read a branch")
        return str(answer["sha"])

    def has_branch(self, branch: str) -> bool:
        """Whether the branch exists; an empty repository has none."""
        try:
            self._connection.get(f"{{repo}}/branches/{quote(branch)}", "read a branch")
        except NotFound:
            return False
        return True

    def changed(self, base: str, head: str) -> Difference:
        """Paths changed on `head` since it left `base`, old names of renamed files included."""
        answer = self._connection.get(f"{{repo}}/compare/{base}...{head}", "compare commits")
        paths: list[str] = []
        for item in answer.get("files") or ():
            paths.extend(name for name in (item["filename"], item.get("previous_filename")) if name)
        return Difference(merge_base=str(answer["merge_base_commit"]["sha"]), paths=tuple(paths))

    def files_between(self, base: str, head: str) -> tuple[ChangedFile, ...]:
        """What `head` has that `base` has not, as files with patches; at most 300, where GitHub ends its list."""
        answer = self._connection.get(f"{{repo}}/compare/{quote(base)}...{quote(head)}", "compare commits")
        return within(tuple(as_file(item) for item in answer.get("files") or ()), LARGEST_DIFF)


def touches(paths: Sequence[str], *folders: str) -> bool:
    """Whether any path lies in one of the folders (given as `training/`)."""
    return any(path.startswith(folders) for path in paths)
