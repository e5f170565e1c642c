"""GitHub's GraphQL nodes as domain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from backend.domain.reviews import CheckRun, CheckState, Mergeability, PullRequest, Review

GHOST = "ghost"
"""GitHub's own name for an author whose account is gone (`author` is null)."""

MERGEABILITY = {
    "MERGEABLE": Mergeability.MERGEABLE,
    "CONFLICTING": Mergeability.CONFLICTING,
    "UNKNOWN": Mergeability.CHECKING,
}

CONCLUSIONS = {
    "SUCCESS": CheckState.PASSED,
    "NEUTRAL": CheckState.PASSED,
    "SKIPPED": CheckState.SKIPPED,
    "CANCELLED": CheckState.CANCELLED,
    "STALE": CheckState.CANCELLED,
}
"""Every other conclusion (FAILURE, TIMED_OUT, ACTION_REQUIRED, STARTUP_FAILURE) is a failure."""

STATUS_STATES = {
    "SUCCESS": CheckState.PASSED,
    "PENDING": CheckState.RUNNING,
    "EXPECTED": CheckState.QUEUED,
}


def as_pull(node: Mapping[str, Any], required: Sequence[str]) -> PullRequest:
    """A row of the list; `required` are the contexts the default branch's rules ask for."""
    contexts = ((node.get("statusCheckRollup") or {}).get("contexts") or {}).get("nodes") or []
    threads = (node.get("reviewThreads") or {}).get("nodes") or []
    reviews = (node.get("latestOpinionatedReviews") or {}).get("nodes") or []
    return PullRequest(
        number=node["number"],
        title=node["title"],
        author=_login(node.get("author")),
        head_ref=node["headRefName"],
        head_sha=node["headRefOid"],
        base_ref=node["baseRefName"],
        base_sha=node["baseRefOid"],
        draft=node["isDraft"],
        created_at=moment(node["createdAt"]),
        updated_at=moment(node["updatedAt"]),
        additions=node["additions"],
        deletions=node["deletions"],
        changed_files=node["changedFiles"],
        mergeability=MERGEABILITY.get(node["mergeable"], Mergeability.CHECKING),
        merge_state=node["mergeStateStatus"],
        checks=tuple(as_check(context, required) for context in contexts),
        required_checks=tuple(required),
        reviews=tuple(as_review(review) for review in reviews),
        unresolved_threads=sum(not thread["isResolved"] for thread in threads),
        url=node["url"],
    )


def as_check(node: Mapping[str, Any], required: Sequence[str]) -> CheckRun:
    """A check run, or a commit status of the older API."""
    if node["__typename"] == "StatusContext":
        return CheckRun(
            id=0,
            name=node["context"],
            state=STATUS_STATES.get(node["state"], CheckState.FAILED),
            required=node["context"] in required,
            title=node.get("description") or "",
            completed_at=moment_or_none(node.get("createdAt")),
            url=node.get("targetUrl") or "",
        )
    return CheckRun(
        id=node.get("databaseId") or 0,
        name=node["name"],
        state=check_state(node["status"], node.get("conclusion")),
        required=node["name"] in required,
        title=node.get("title") or "",
        summary=node.get("summary") or "",
        started_at=moment_or_none(node.get("startedAt")),
        completed_at=moment_or_none(node.get("completedAt")),
        url=node.get("detailsUrl") or "",
    )


def check_state(status: str, conclusion: str | None) -> CheckState:
    """GraphQL says COMPLETED, REST `completed`; both come here."""
    if status.upper() == "COMPLETED":
        return CONCLUSIONS.get((conclusion or "").upper(), CheckState.FAILED)
    return CheckState.RUNNING if status.upper() == "IN_PROGRESS" else CheckState.QUEUED


def as_review(node: Mapping[str, Any]) -> Review:
    return Review(
        author=_login(node.get("author")),
        state=node["state"],
        commit=(node.get("commit") or {}).get("oid", ""),
        submitted_at=moment(node["submittedAt"]),
        body=node.get("body") or "",
    )


def required_contexts(repository: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the checks that the default branch's rules require, in order, each once."""
    rules = ((repository.get("defaultBranchRef") or {}).get("rules") or {}).get("nodes") or []
    names = [
        check["context"] for rule in rules for check in (rule.get("parameters") or {}).get("requiredStatusChecks") or ()
    ]
    return tuple(dict.fromkeys(names))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def moment_or_none(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _login(author: Mapping[str, Any] | None) -> str:
    return author["login"] if author else GHOST
