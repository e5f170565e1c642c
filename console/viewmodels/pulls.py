"""Pull requests as rows and as a page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from backend.domain.reviews import CheckRun, CheckState, Mergeability, PullRequest, PullRequestDetail
from console.viewmodels.figures import duration
from console.viewmodels.state import CHECKS, Pill
from console.viewmodels.text import Untrusted

REPORT = "report"
"""The check that trains both models on the same data and tells the difference."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    name: Untrusted
    required: bool
    state: Pill
    reason: Untrusted
    took: str
    check: CheckRun


def headline(pull: PullRequest) -> Pill:
    """The worst of the required checks, in the words of the list."""
    state = pull.check_state
    if state is CheckState.PASSED:
        if any(check.state is CheckState.FAILED for check in pull.checks):
            return Pill("Mergeable, with a warning", "warn", "warning")
        return Pill("Checks pass", "good", "check_circle")
    if state is CheckState.FAILED:
        return Pill("A check fails", "bad", "error")
    return CHECKS[state] if state is not CheckState.QUEUED else Pill("Waiting for checks", "quiet", "schedule")


def page_pill(detail: PullRequestDetail) -> Pill:
    if detail.merged_sha:
        return Pill("Merged", "good", "merge")
    if detail.state.lower() == "closed":
        return Pill("Closed", "quiet", "cancel")
    return headline(detail.summary)


def closed(detail: PullRequestDetail) -> bool:
    """Merged or not, nobody can decide about it any more."""
    return bool(detail.merged_sha) or detail.state.lower() != "open"


def counted(pull: PullRequest) -> str:
    """`4 of 6 passed, 1 failed: unit`; checks that need not run are not counted."""
    relevant = [check for check in pull.checks if check.state is not CheckState.SKIPPED]
    if not relevant:
        return "no check has started"
    states = Counter(check.state for check in relevant)
    words = [f"{states[CheckState.PASSED]} of {len(relevant)} passed"]
    failed = [check.name for check in relevant if check.state is CheckState.FAILED]
    if failed:
        words.append(f"failed: {', '.join(failed)}")
    running = states[CheckState.RUNNING] + states[CheckState.QUEUED]
    if running:
        words.append(f"{running} under way")
    return ", ".join(words)


def told(pull: PullRequest) -> str:
    """The most telling reason among the checks: a failed one's, else the comparison's, else any."""
    ranked = sorted(pull.checks, key=lambda c: (c.state is not CheckState.FAILED, "comparison" not in c.name))
    reasons = (plain_reason(check) for check in ranked if check.state in {CheckState.FAILED, CheckState.PASSED})
    return next((reason for reason in reasons if reason), "")


def check_lines(pull: PullRequest) -> tuple[CheckLine, ...]:
    """Failed first, then under way, then passed."""
    order = list(CheckState)
    rank = {CheckState.FAILED: -3, CheckState.CANCELLED: -2, CheckState.RUNNING: -1}
    checks = sorted(pull.checks, key=lambda c: (rank.get(c.state, order.index(c.state)), c.name))
    return tuple(_line(check, pull) for check in checks)


def plain_reason(check: CheckRun) -> str:
    """The check's own title, else the first sentence of its summary without markdown's marks."""
    if check.title:
        return check.title
    for raw in check.summary.splitlines():
        text = raw.strip().lstrip("#>*- ").replace("**", "").replace("`", "")
        if text and not text.startswith("|"):
            return text
    return ""


def _line(check: CheckRun, pull: PullRequest) -> CheckLine:
    took = ""
    if check.started_at and check.completed_at and check.state is not CheckState.SKIPPED:
        took = duration((check.completed_at - check.started_at).total_seconds())
    required = check.required or check.name in pull.required_checks
    reason = Untrusted(plain_reason(check), 300)
    return CheckLine(Untrusted(check.name, 80), required, CHECKS[check.state], reason, took, check)


def why_not_compared(pull: PullRequest) -> str:
    """What became of the check that compares the branch's model with the champion's."""
    report = next((check.state for check in pull.checks if check.name == REPORT), None)
    if report is CheckState.SKIPPED:
        before = [c.name for c in pull.checks if c.state is CheckState.FAILED and c.name not in pull.required_checks]
        return f"{' and '.join(before)} failed before it" if before else "the change does not touch training"
    if report in {CheckState.FAILED, CheckState.CANCELLED}:
        return f"the {REPORT} check did not succeed"
    return f"the {REPORT} check has not finished"


def matches(pull: PullRequest, query: str) -> bool:
    """Every word of the query occurs in the number, title, author, branch or a check's name."""
    text = " ".join((f"#{pull.number}", pull.title, pull.author, pull.head_ref, *(c.name for c in pull.checks))).lower()
    return all(word in text for word in query.lower().split())


def mergeable(pull: PullRequest) -> str:
    return {
        Mergeability.CHECKING: "GitHub is still computing whether it merges",
        Mergeability.MERGEABLE: "merges without conflict",
        Mergeability.CONFLICTING: "conflicts with the base branch",
    }[pull.mergeability]


def newest(pulls: tuple[PullRequest, ...]) -> tuple[PullRequest, ...]:
    return tuple(sorted(pulls, key=_updated, reverse=True))


def _updated(pull: PullRequest) -> datetime:
    return pull.updated_at
