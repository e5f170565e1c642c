"""What a diff between two commits changes, file by file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from sandbox.github.git import Git
from sandbox.github.models import ChangedFile

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
OPTIONS = ("--no-color", "--no-ext-diff", "-M")
MAX_PATCH_LINES = 20_000
MAX_PATCH_BYTES = 1_000_000
STATUSES = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


def changed_files(git: Git, base: str, head: str, *, patches: bool = False) -> tuple[ChangedFile, ...]:
    """Every file that differs between two commits or trees, in git's order, renames found.

    Hunks are read only with `patches`: a list of a hundred pull requests needs the numbers alone.
    """
    return _changed_files(git.path, base, head, patches)


def unified(git: Git, base: str, head: str) -> str:
    """The whole diff as `git diff` prints it."""
    return git.run("diff", *OPTIONS, base, head).decode(errors="replace")


def fingerprint(git: Git, base: str, head: str) -> str:
    """Equal for two diffs that change the same lines of the same files."""
    records = git.run("diff", "--no-color", "--no-ext-diff", "--raw", "--abbrev=40", "-z", base, head)
    return hashlib.sha256(records).hexdigest()


@lru_cache(maxsize=4_000)
def _changed_files(path: Path, base: str, head: str, patches: bool) -> tuple[ChangedFile, ...]:
    git = Git(path)
    records = git.run("diff", "--raw", "--numstat", "--abbrev=40", "-z", *OPTIONS, base, head)
    tokens = iter(records.decode(errors="replace").split("\0"))
    rows: list[tuple[str, str, str, str]] = []
    numbers: list[tuple[int, int]] = []
    for token in tokens:
        if token.startswith(":"):
            rows.append(_raw_row(token, tokens))
        elif token:
            numbers.append(_numbers(token, tokens))
    hunks = _patches(unified(git, base, head)) if patches else []
    files = []
    for (letter, blob, previous, name), (additions, deletions) in zip(rows, numbers, strict=True):
        patch = hunks.pop(0) if hunks else ""
        if letter == "T" and hunks:  # git prints a type change as a removal and an addition
            patch = hunks.pop(0)
        old_name = previous if previous != name else ""
        files.append(ChangedFile(name, old_name, STATUSES.get(letter, "changed"), additions, deletions, blob, patch))
    return tuple(files)


def _raw_row(token: str, tokens: Iterator[str]) -> tuple[str, str, str, str]:
    """Status letter, blob, old and new name of a `--raw -z` record."""
    *_, old_blob, blob, letter = token[1:].split()
    previous = next(tokens)
    name = next(tokens) if letter[0] in "RC" else previous
    return letter[0], old_blob if letter[0] == "D" else blob, previous, name


def _numbers(token: str, tokens: Iterator[str]) -> tuple[int, int]:
    """Added and deleted lines of a `--numstat -z` record; a binary file counts as none."""
    added, deleted, name = token.split("\t", 2)
    if not name:  # a rename: old and new name follow as tokens of their own
        next(tokens)
        next(tokens)
    return (0, 0) if added == "-" else (int(added), int(deleted))


def _patches(diff: str) -> list[str]:
    """The hunks of each file of a unified diff, in order."""
    patches: list[str] = []
    hunks: list[str] = []
    inside = False
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            patches.append("")
            _close(patches, hunks, at=-2)
            hunks, inside = [], False
        elif inside or line.startswith("@@"):
            inside = True
            hunks.append(line)
    _close(patches, hunks, at=-1)
    return patches


def _close(patches: list[str], hunks: list[str], at: int) -> None:
    text = "\n".join(hunks).rstrip("\n")
    if hunks and len(hunks) <= MAX_PATCH_LINES and len(text) <= MAX_PATCH_BYTES:
        patches[at] = text
