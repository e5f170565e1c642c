"""The parts of a pull request's page as domain values: commits, reviews, discussions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.domain.reviews import Comment, PullCommit, Thread
from backend.gateways.github.commits import PARENTS_OF_A_MERGE, named
from backend.gateways.github.rows import login, moment


def commits(node: Mapping[str, Any]) -> tuple[PullCommit, ...]:
    """The newest hundred, oldest first."""
    return tuple(_commit(item["commit"]) for item in (node.get("latest") or {}).get("nodes") or ())


def _commit(commit: Mapping[str, Any]) -> PullCommit:
    author = commit.get("author") or {}
    account, name = (author.get("user") or {}).get("login") or "", author.get("name") or ""
    merge = commit["parents"]["totalCount"] >= PARENTS_OF_A_MERGE
    return PullCommit(
        sha=commit["oid"],
        title=commit["messageHeadline"],
        author=account or name,
        at=moment(commit["committedDate"]),
        authors=() if merge else named(account, name, author.get("email") or "", commit["message"]),
    )


def submitted(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every review but the ones that their author has not sent yet."""
    return [review for review in (node.get("reviews") or {}).get("nodes") or () if review.get("submittedAt")]


def threads(node: Mapping[str, Any]) -> tuple[Thread, ...]:
    """Discussions of lines, each with its first comments; open ones first."""
    found = [_thread(item) for item in (node.get("reviewThreads") or {}).get("nodes") or ()]
    return tuple(sorted(found, key=lambda thread: thread.resolved))


def _thread(item: Mapping[str, Any]) -> Thread:
    return Thread(
        path=item["path"],
        line=item.get("line"),
        resolved=item["isResolved"],
        outdated=item["isOutdated"],
        comments=tuple(
            Comment(
                author=login(comment.get("author")),
                at=moment(comment["createdAt"]),
                body=comment["body"],
                url=comment.get("url") or "",
            )
            for comment in (item.get("comments") or {}).get("nodes") or ()
        ),
    )
