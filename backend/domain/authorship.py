"""Who had a hand in a version: every commit's authors, and who submitted its run."""

from __future__ import annotations

import re
from datetime import datetime

from backend.domain.value import Value

_PRIVATE = re.compile(r"^(?:\d+\+)?(?P<login>[a-z0-9_-]+(?:\[bot\])?)@users\.noreply\.", re.IGNORECASE)


def private_login(mail: str) -> str:
    """The login in GitHub's own address for a person who keeps theirs private, "" in any other address.

    `1234+login@users.noreply.github.com`
    """
    found = _PRIVATE.match(mail)
    return found["login"] if found else ""


class CommitAuthors(Value):
    """A commit and its authors as GitHub knows them: a login where there is one, else `Name <address>`."""

    commit: str
    authors: tuple[str, ...]


class Submitter(Value):
    """Who submitted a run, as the service names them; a program is the workflow."""

    name: str
    person: bool


class Authorship(Value):
    """Commits of the pull request and of the range `base..head`; `base` is the champion's, "" before the first.

    Merge commits are left out, since merging is not writing. `complete` is False where GitHub listed only a part.
    """

    head: str
    base: str
    pull_request: str
    commits: tuple[CommitAuthors, ...]
    complete: bool
    submitter: Submitter | None
    made_at: datetime
