"""Who wrote commits: those of a pull request, and those between two commits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from backend.domain.authorship import CommitAuthors, private_login
from backend.errors import NotFound
from backend.gateways.github.client import GitHubConnection

MOST = 250
"""GitHub lists at most 250 commits of a pull request."""
PARENTS_OF_A_MERGE = 2
PAGE = 100
"""GitHub's largest page of a comparison that is asked for in pages."""

_TRAILER = re.compile(r"^co-authored-by:\s*(?P<name>[^<\n]*?)\s*<(?P<mail>[^>\n]*)>\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Written:
    """Commits oldest first, and whether GitHub listed them all."""

    commits: tuple[CommitAuthors, ...]
    complete: bool


class Commits:
    """Reads."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def of_pull(self, number: int) -> Written:
        """The commits of a pull request, also after it was squashed into one; none, incomplete, if it is gone."""
        try:
            found = list(self._connection.pages(f"{{repo}}/pulls/{number}/commits", "read a pull request's commits"))
        except NotFound:
            return Written((), complete=False)
        return Written(_authors(found), len(found) < MOST)

    def between(self, base: str, head: str) -> Written:
        """What `head` has that `base` has not. A base that is gone from the repository leaves the list incomplete."""
        found: list[Mapping[str, Any]] = []
        page = 1
        while True:
            try:
                answer = self._connection.get(
                    f"{{repo}}/compare/{base}...{head}", "compare commits", per_page=PAGE, page=page
                )
            except NotFound:
                return Written(_authors(found), complete=False)
            found += answer["commits"]
            if len(answer["commits"]) < PAGE:
                return Written(_authors(found), len(found) >= answer["total_commits"])
            page += 1


def _authors(items: Iterable[Mapping[str, Any]]) -> tuple[CommitAuthors, ...]:
    """Merge commits are left out: merging is not writing."""
    return tuple(
        CommitAuthors(commit=item["sha"], authors=authors_of(item))
        for item in items
        if len(item["parents"]) < PARENTS_OF_A_MERGE
    )


def authors_of(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The author and every co-author named in the message: a login where GitHub knows one, else `Name <address>`.

    A name alone would be whatever its author calls themselves. `author` is null where the address is no account's.
    """
    account, commit = item.get("author"), item["commit"]
    login = account["login"] if account else ""
    return named(login, commit["author"]["name"], commit["author"]["email"], commit["message"])


def named(login: str, name: str, mail: str, message: str) -> tuple[str, ...]:
    """The same of the parts that both of GitHub's wires have; `login` is "" where the address is no account's."""
    trailers = (_signed(trailer["name"], trailer["mail"]) for trailer in _TRAILER.finditer(message))
    return tuple(dict.fromkeys((login or _signed(name, mail), *trailers)))


def _signed(name: str, mail: str) -> str:
    """As git writes it, and so that nothing in it passes for anything else; a private address is the login in it."""
    return private_login(mail) or f"{_plain(name)} <{_plain(mail)}>".strip()


def _plain(text: str) -> str:
    return "".join(c for c in text or "" if c.isprintable() and c not in "<>").strip()
