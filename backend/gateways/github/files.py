"""Changed files with their patches, read once for each head commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.domain.reviews import ChangedFile, FileKind
from backend.gateways.github.client import GitHubConnection

LARGEST_PATCH = 400_000
"""Characters of one file's patch beyond which nobody reads it on a page."""
LARGEST_DIFF = 2_000_000
"""Characters of all patches together; later files are named only."""
KEPT = 16
"""Diffs that are remembered: those of the pages that are open."""

Key = tuple[int, str, str]


class ChangedFiles:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection
        self._kept: dict[Key, tuple[ChangedFile, ...]] = {}

    def of(self, number: int, head: str, base: str) -> tuple[ChangedFile, ...]:
        """The files of a pull request at these two commits, at most 3,000, which is where GitHub ends its list."""
        key = number, head, base
        if key not in self._kept:
            found = self._connection.pages(f"{{repo}}/pulls/{number}/files", "read a pull request's files")
            files = within(tuple(as_file(item) for item in found), LARGEST_DIFF)
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = files
        return self._kept[key]


def as_file(item: Mapping[str, Any]) -> ChangedFile:
    """GitHub gives no patch for a binary file, for a very large one, and for one that was only moved."""
    path, patch = item["filename"], item.get("patch") or ""
    kind = _kind(path, patch, item["additions"] + item["deletions"], item["status"])
    return ChangedFile(
        path=path,
        status=item["status"],
        additions=item["additions"],
        deletions=item["deletions"],
        patch=patch if kind is FileKind.TEXT else "",
        kind=kind,
        previous_path=item.get("previous_filename") or "",
    )


def _kind(path: str, patch: str, lines: int, status: str) -> FileKind:
    if path.endswith(".ipynb"):
        return FileKind.NOTEBOOK
    if len(patch) > LARGEST_PATCH:
        return FileKind.TOO_LARGE
    if patch:
        return FileKind.TEXT
    if lines:
        return FileKind.TOO_LARGE
    return FileKind.UNCHANGED if status == "renamed" else FileKind.BINARY


def within(files: tuple[ChangedFile, ...], limit: int) -> tuple[ChangedFile, ...]:
    """The same files; the patches of those beyond `limit` characters together are left out."""
    shown, total = [], 0
    for file in files:
        total += len(file.patch)
        if total > limit and file.patch:
            shown.append(file.model_copy(update={"patch": "", "kind": FileKind.TOO_LARGE}))
        else:
            shown.append(file)
    return tuple(shown)
