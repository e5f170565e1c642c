"""The report of a pull request as one comment of its conversation: the same one for every run, never a second."""

from __future__ import annotations

import re
from contextlib import suppress

from backend.errors import NotFound
from backend.gateways.github.comments import Comment, Comments

AUTHOR = "github-actions[bot]"
"""Whom the workflow's token writes as. A comment of anybody else that begins like ours is theirs."""
_MARK = re.compile(r"\A<!-- mlops: model comparison, run (\d{1,20}) -->\n")
LIMIT = 65_000
"""GitHub takes 65,536 characters."""


def say(comments: Comments, number: int, run: int, text: str) -> bool:
    """Put the text into our comment; whether it now says it. `run` grows: what a later run has said stays.

    Two runs at once may both find none and both write one. Each looks again after it wrote, and all keep the oldest
    one and take the others away; the words of the later run are in it, whichever of them ends last.
    """
    body = f"<!-- mlops: model comparison, run {run} -->\n{text}"[:LIMIT]
    if not _ours(comments, number):
        comments.create(number, body)
    ours = _ours(comments, number)
    latest = max([(run, body), *((_run(comment), comment.body) for comment in ours)])
    for comment in ours[:1]:
        if comment.body != latest[1]:
            with suppress(NotFound):
                comments.change(comment.id, latest[1])
    for other in ours[1:]:
        with suppress(NotFound):
            comments.delete(other.id)
    return latest[1] == body


def _ours(comments: Comments, number: int) -> list[Comment]:
    """Oldest first."""
    return [one for one in comments.of(number) if one.author == AUTHOR and _MARK.match(one.body)]


def _run(comment: Comment) -> int:
    match = _MARK.match(comment.body)
    return int(match[1]) if match else 0
