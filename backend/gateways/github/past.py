"""What happened to the repository: branches that moved, merges with their verdicts, verdicts taken back.

Activities: https://docs.github.com/rest/repos/repos#list-repository-activities (needs Contents: read)
Events: https://docs.github.com/rest/issues/events (needs Pull requests: read)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.domain.repository import BranchChange, Dismissal, GivenReview, MergedChange
from backend.domain.reviews import CheckState
from backend.gateways.github.checks import Checks
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.rows import GHOST, moment, moment_or_none

NEWEST = 100
"""GitHub answers at most so many at once: that is what one look can see."""


class Past:
    def __init__(self, connection: GitHubConnection, required_check: str) -> None:
        self._connection = connection
        self._checks = Checks(connection)
        self._required = required_check

    def branch(self, name: str) -> tuple[BranchChange, ...]:
        """The newest changes of a branch, newest first; none before it exists."""
        found = self._connection.get(
            "{repo}/activity", "read what moved a branch", ref=f"refs/heads/{name}", per_page=NEWEST
        )
        return tuple(
            BranchChange(
                id=item["id"],
                kind=item["activity_type"],
                before=item["before"],
                after=item["after"],
                by=_login(item.get("actor")),
                at=moment(item["timestamp"]),
            )
            for item in found
        )

    def dismissals(self) -> tuple[Dismissal, ...]:
        """The newest verdicts that were taken back, newest first, among the newest events."""
        found = self._connection.get("{repo}/issues/events", "read what became of reviews", per_page=NEWEST)
        return tuple(_dismissal(item) for item in found if item["event"] == "review_dismissed")

    def merge(self, sha: str) -> MergedChange | None:
        """The pull request that made this commit of the default branch, with its verdicts; None if none did."""
        listed = self._connection.pages(f"{{repo}}/commits/{sha}/pulls", "find a commit's pull request")
        number = next((int(i["number"]) for i in listed if i["merged_at"] and i["merge_commit_sha"] == sha), None)
        if number is None:
            return None
        pull = self._connection.get(f"{{repo}}/pulls/{number}", "read a pull request")
        reviews = self._connection.pages(f"{{repo}}/pulls/{number}/reviews", "read reviews")
        head = str(pull["head"]["sha"])
        passed = any(c.name == self._required and c.state is CheckState.PASSED for c in self._checks.of(head))
        return MergedChange(
            number=number,
            title=pull["title"],
            author=_login(pull.get("user")),
            merged_by=_login(pull.get("merged_by")),
            merged_at=moment_or_none(pull.get("merged_at")),
            merge_sha=sha,
            head_sha=head,
            reviews=tuple(_review(item) for item in reviews if item.get("submitted_at")),
            checked=passed,
        )


def _review(item: Mapping[str, Any]) -> GivenReview:
    return GivenReview(
        id=item["id"],
        by=_login(item.get("user")),
        state=item["state"],
        commit=item.get("commit_id") or "",
        at=moment(item["submitted_at"]),
    )


def _dismissal(item: Mapping[str, Any]) -> Dismissal:
    told = item["dismissed_review"]
    return Dismissal(
        id=item["id"],
        pull_request=item["issue"]["number"],
        by=_login(item.get("actor")),
        at=moment(item["created_at"]),
        review=told["review_id"],
        state=told["state"],
        message=told.get("dismissal_message") or "",
        commit=told.get("dismissal_commit_id") or "",
    )


def _login(account: Mapping[str, Any] | None) -> str:
    return str(account["login"]) if account else GHOST
