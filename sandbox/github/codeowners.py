"""CODEOWNERS: which people own which files, and what is wrong with the file.

Syntax: https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sandbox.accounts import PEOPLE
from sandbox.github.access import can_push, person_named
from sandbox.github.git import Git
from sandbox.state.documents import Document

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    text: str
    pattern: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CodeOwners:
    path: str
    lines: tuple[Line, ...]


def code_owners(git: Git, commit: str) -> CodeOwners | None:
    """The file as it stands at a commit, from the first of the three places that has one."""
    return _code_owners(git.path, commit)


@lru_cache(maxsize=500)
def _code_owners(path: Path, commit: str) -> CodeOwners | None:
    git = Git(path)
    for place in PLACES:
        entry = git.entry(commit, place)
        if entry is not None and entry.kind == "blob":
            return CodeOwners(place, parse(git.blob(entry.sha).decode(errors="replace")))
    return None


@lru_cache(maxsize=200)
def parse(text: str) -> tuple[Line, ...]:
    """The lines that name a pattern; comments and empty lines are left out."""
    lines = []
    for number, raw in enumerate(text.splitlines(), start=1):
        fields = re.split(r"\s#", raw, maxsplit=1)[0].split()
        if fields and not fields[0].startswith("#"):
            lines.append(Line(number, raw, fields[0], tuple(fields[1:])))
    return tuple(lines)


def required_owners(
    owners: CodeOwners | None, paths: Iterable[str], repository: Document
) -> tuple[tuple[str, ...], ...]:
    """One group of logins per matching line; any one person of each group has to approve.

    The last matching line decides for a path. Owners who may not write are left out, as GitHub ignores them.
    """
    if owners is None:
        return ()
    groups: dict[tuple[str, ...], None] = {}
    for path in paths:
        line = next((line for line in reversed(owners.lines) if matches(line.pattern, path)), None)
        logins = tuple(login for login in map(_login, line.owners if line else ()) if can_push(login, repository))
        if logins:
            groups[logins] = None
    return tuple(groups)


def errors(owners: CodeOwners, repository: Document) -> list[dict[str, object]]:
    """What GitHub reports about the file: unknown owners, and owners without write access."""
    found: list[dict[str, object]] = []
    for line in owners.lines:
        for owner in line.owners:
            if can_push(_login(owner), repository):
                continue
            column = line.text.index(owner) + 1
            known = person_named(_login(owner)) is not None
            suggestion = (
                f"make sure {owner} exists and has write access to the repository"
                if owner.startswith("@")
                else "make sure the owner is a @user, a @organisation/team or an e-mail address"
            )
            found.append(
                {
                    "line": line.number,
                    "column": column,
                    "source": line.text,
                    "kind": "Unknown owner" if owner.startswith("@") or known else "Invalid owner",
                    "suggestion": suggestion,
                    "message": f"Unknown owner on line {line.number}: {suggestion}\n\n  {line.text}\n"
                    + " " * (column + 1)
                    + "^",
                    "path": owners.path,
                }
            )
    return found


def _login(owner: str) -> str:
    """`@login` or an account's e-mail address as a login; a team stays what it is and matches nobody."""
    if owner.startswith("@"):
        return owner[1:].lower()
    return next((person.login for person in PEOPLE if person.email == owner.lower()), owner)


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern of CODEOWNERS selects a path."""
    return _expression(pattern).fullmatch(path) is not None


@lru_cache(maxsize=1_000)
def _expression(pattern: str) -> re.Pattern[str]:
    """A gitignore-like pattern as a regular expression over paths from the root."""
    anchored = "/" in pattern.rstrip("/")
    body = pattern.strip("/") if pattern.startswith("/") or pattern.endswith("/") else pattern
    text = re.escape(body)
    for glob, expression in ((r"\*\*/", "(?:.*/)?"), (r"\*\*", ".*"), (r"\*", "[^/]*"), (r"\?", "[^/]")):
        text = text.replace(glob, expression)
    if pattern.endswith("/"):
        tail = "/.*"
    elif anchored and body.endswith("/*"):
        tail = ""  # `docs/*` owns the files of docs, not those of folders below
    else:
        tail = "(?:/.*)?"
    return re.compile(("" if anchored else "(?:.*/)?") + text + tail, re.DOTALL)
