"""What a diff between two commits changes, file by file."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from sandbox.github.git import Git
from sandbox.github.models import ChangedFile

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
MAX_PATCH_LINES = 20_000
MAX_PATCH_BYTES = 1_000_000
STATUSES = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


def changed_files(git: Git, base: str, head: str) -> tuple[ChangedFile, ...]:
    """Every file that differs between two commits or trees, in git's order, renames found."""
    return _changed_files(git.path, base, head)


def unified(git: Git, base: str, head: str) -> str:
    """The whole diff as `git diff` prints it."""
    return git.run("diff", "--no-color", "--no-ext-diff", "-M", base, head).decode(errors="replace")


def fingerprint(git: Git, base: str, head: str) -> str:
    """Equal for two diffs that change the same lines of the same files."""
    records = git.run("diff", "--no-color", "--no-ext-diff", "--raw", "--abbrev=40", "-z", base, head)
    return hashlib.sha256(records).hexdigest()


@lru_cache(maxsize=2_000)
def _changed_files(path: Path, base: str, head: str) -> tuple[ChangedFile, ...]:
    git = Git(path)
    options = ("--no-color", "--no-ext-diff", "-M")
    raw = git.run("diff", "--raw", "--abbrev=40", "-z", *options, base, head).decode(errors="replace")
    counts = git.run("diff", "--numstat", "-z", *options, base, head).decode(errors="replace")
    patches = _patches(git.run("diff", *options, base, head).decode(errors="replace"))
    numbers = _numbers(counts)
    files = []
    tokens = iter(raw.split("\0"))
    for fields in tokens:
        if not fields:
            continue
        *_, old_blob, blob, letter = fields[1:].split()
        previous = next(tokens)
        name = next(tokens) if letter[0] in "RC" else previous
        patch = patches.pop(0) if patches else ""
        if letter[0] == "T" and patches:  # git prints a type change as a removal and an addition
            patch = patches.pop(0)
        additions, deletions = numbers.pop(0)
        files.append(
            ChangedFile(
                path=name,
                previous_path=previous if name != previous else "",
                status=STATUSES.get(letter[0], "changed"),
                additions=additions,
                deletions=deletions,
                blob=old_blob if letter[0] == "D" else blob,
                patch=patch,
            )
        )
    return tuple(files)


def _numbers(numstat: str) -> list[tuple[int, int]]:
    """Added and deleted lines per file; a binary file counts as none."""
    numbers = []
    tokens = iter(numstat.split("\0"))
    for token in tokens:
        if not token:
            continue
        added, deleted, name = token.split("\t", 2)
        if not name:  # a rename: old and new name follow as tokens of their own
            next(tokens)
            next(tokens)
        numbers.append((0, 0) if added == "-" else (int(added), int(deleted)))
    return numbers


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
