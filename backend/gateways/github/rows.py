"""GitHub's GraphQL nodes as domain values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from backend.domain.comparison import Difference
from backend.domain.gates import GATES_PATH
from backend.domain.reviews import CheckRun, CheckState, Mergeability, PullRequest, Review
from backend.gateways.github import codeowners
from backend.gateways.github.blockers import BranchRules, blockers
from backend.gateways.github.comparisons import COMPARISON_CHECK, read_change

GHOST = "ghost"
"""GitHub's own name for an author whose account is gone (`author` is null)."""

JOB = re.compile(r"/actions/runs/\d+/job/(\d{1,15})$")
TRAINING = "training/"
SUMMARY = 600
"""What is kept of a check's summary: its first plain sentence is all that is shown of it."""

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


def as_pull(
    node: Mapping[str, Any], rules: BranchRules, owners: Sequence[codeowners.OwnerRule] = (), paths: Sequence[str] = ()
) -> PullRequest:
    """A row of the list, judged by its base branch's rules.

    `paths` are all changed files where they are known; without them the first hundred count, which one query answers.
    """
    known = paths or changed_paths(node)
    contexts = ((node.get("statusCheckRollup") or {}).get("contexts") or {}).get("nodes") or []
    threads = (node.get("reviewThreads") or {}).get("nodes") or []
    reviews = (node.get("latestOpinionatedReviews") or {}).get("nodes") or []
    head = _head(node)
    pull = PullRequest(
        number=node["number"],
        title=node["title"],
        author=login(node.get("author")),
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
        checks=tuple(as_check(context, rules.checks) for context in contexts),
        required_checks=rules.checks,
        reviews=tuple(as_review(review) for review in reviews),
        unresolved_threads=sum(not thread["isResolved"] for thread in threads),
        url=node["url"],
        id=node.get("id") or "",
        fork=_fork(node),
        pushed_at=moment_or_none(head.get("committedDate")),
        trains=any(path.startswith(TRAINING) for path in known),
        changes_rules=GATES_PATH in known,
        change=_change(contexts),
    )
    pusher = ((head.get("author") or {}).get("user") or {}).get("login", "")
    found = blockers(pull, rules, codeowners.owners_of(owners, known), pusher)
    return pull.model_copy(update={"blockers": found})


def changed_paths(node: Mapping[str, Any]) -> list[str]:
    """The first hundred changed files."""
    return [file["path"] for file in (node.get("files") or {}).get("nodes") or ()]


def _head(node: Mapping[str, Any]) -> Mapping[str, Any]:
    commits = (node.get("commits") or {}).get("nodes") or []
    return commits[-1]["commit"] if commits else {}


def _fork(node: Mapping[str, Any]) -> str:
    """Whose repository it comes from; a fork that is gone since has no owner any more."""
    return login(node.get("headRepositoryOwner")) if node.get("isCrossRepository") else ""


def _change(contexts: Sequence[Mapping[str, Any]]) -> Difference | None:
    """The AUC's difference as the comparison's check run carries it in its external id."""
    for context in contexts:
        if context.get("name") == COMPARISON_CHECK and context.get("externalId"):
            return read_change(context["externalId"])
    return None


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
        summary=(node.get("summary") or "")[:SUMMARY],
        started_at=moment_or_none(node.get("startedAt")),
        completed_at=moment_or_none(node.get("completedAt")),
        url=node.get("detailsUrl") or "",
        workflow_run=((node.get("checkSuite") or {}).get("workflowRun") or {}).get("databaseId") or 0,
        job=_job(node.get("detailsUrl") or ""),
    )


def _job(details: str) -> int:
    """The Actions job that a check run's address ends in; GraphQL has no field for it."""
    match = JOB.search(details)
    return int(match[1]) if match else 0


def check_state(status: str, conclusion: str | None) -> CheckState:
    """GraphQL says COMPLETED, REST `completed`; both come here."""
    if status.upper() == "COMPLETED":
        return CONCLUSIONS.get((conclusion or "").upper(), CheckState.FAILED)
    return CheckState.RUNNING if status.upper() == "IN_PROGRESS" else CheckState.QUEUED


def as_review(node: Mapping[str, Any]) -> Review:
    return Review(
        author=login(node.get("author")),
        state=node["state"],
        commit=(node.get("commit") or {}).get("oid", ""),
        submitted_at=moment(node["submittedAt"]),
        body=node.get("body") or "",
        counts=node.get("authorCanPushToRepository", True),
    )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def moment_or_none(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def login(account: Mapping[str, Any] | None) -> str:
    return str(account["login"]) if account else GHOST
