"""Why a merge would be refused now. Pure: the merge call itself stays the judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.domain.reviews import CheckRun, CheckState, Mergeability, MergeBlocker, PullRequest, Review

SHORT = 7


@dataclass(frozen=True, slots=True)
class BranchRules:
    """The effective rules of the base branch, organisation's included."""

    approvals: int = 0
    code_owners: bool = False
    resolved_threads: bool = False
    up_to_date: bool = False
    checks: tuple[str, ...] = ()


def blockers(pull: PullRequest, rules: BranchRules, owners: Sequence[Sequence[str]]) -> tuple[MergeBlocker, ...]:
    """Everything between this head commit and the base branch, each with who can clear it.

    `owners` are the groups of code owners that the changed files need, one approval from each.
    """
    found = [
        *_state(pull),
        *_checks(pull, rules),
        *_reviews(pull, rules, owners),
        *_threads(pull, rules),
    ]
    if not found and pull.merge_state == "BLOCKED":
        found.append(
            MergeBlocker(
                what="Blocked by GitHub",
                why="GitHub says the merge is blocked and gives no reason; open the pull request there to see it",
                who="a repository administrator",
            )
        )
    return tuple(found)


def _state(pull: PullRequest) -> list[MergeBlocker]:
    found = []
    if pull.draft:
        found.append(MergeBlocker(what="Draft", why="it is marked as a draft", who=pull.author))
    if pull.mergeability is Mergeability.CONFLICTING or pull.merge_state == "DIRTY":
        why = f"{pull.head_ref} and {pull.base_ref} change the same lines; merge {pull.base_ref} into the branch"
        found.append(MergeBlocker(what="Conflict", why=why, who=pull.author))
    elif pull.mergeability is Mergeability.CHECKING:
        why = "GitHub has not computed yet whether it merges cleanly"
        found.append(MergeBlocker(what="Mergeability unknown", why=why, who="GitHub, within seconds"))
    if pull.merge_state == "BEHIND":
        why = f"{pull.base_ref} has moved on and its rules ask for an up-to-date branch"
        found.append(MergeBlocker(what="Branch out of date", why=why, who=pull.author))
    return found


def _checks(pull: PullRequest, rules: BranchRules) -> list[MergeBlocker]:
    found = []
    for name in dict.fromkeys((*rules.checks, *pull.required_checks)):
        runs = [check for check in pull.checks if check.name == name]
        if not runs:
            why = f"has not reported on {pull.head_sha[:SHORT]}"
            found.append(MergeBlocker(what=f"Check {name}", why=why, who="the workflow that reports it"))
            continue
        latest = max(runs, key=lambda check: check.id)
        if latest.state not in {CheckState.PASSED, CheckState.SKIPPED}:
            found.append(MergeBlocker(what=f"Check {name}", why=_check_reason(latest), who=_check_owner(pull, latest)))
    return found


def _check_reason(check: CheckRun) -> str:
    if check.state in {CheckState.QUEUED, CheckState.RUNNING}:
        return f"is {check.state.value}"
    return f"{check.state.value}: {check.title}" if check.title else check.state.value


def _check_owner(pull: PullRequest, check: CheckRun) -> str:
    waiting = check.state in {CheckState.QUEUED, CheckState.RUNNING}
    return "the workflow, when it ends" if waiting else pull.author


def _reviews(pull: PullRequest, rules: BranchRules, owners: Sequence[Sequence[str]]) -> list[MergeBlocker]:
    found = []
    for review in pull.reviews:
        if review.state == "CHANGES_REQUESTED":
            why = f"{review.author} asked for changes at {review.commit[:SHORT]}"
            found.append(MergeBlocker(what="Changes requested", why=why, who=review.author))
    approvals = [r for r in pull.reviews if r.state == "APPROVED" and r.author != pull.author]
    current = {review.author for review in approvals if review.commit == pull.head_sha}
    if len(current) < rules.approvals:
        why = f"{len(current)} of {rules.approvals} approvals on {pull.head_sha[:SHORT]}{_stale(pull, approvals)}"
        found.append(MergeBlocker(what="Approval missing", why=why, who=_who(owners, pull.author)))
    if rules.code_owners:
        for group in owners:
            if not current & set(group):
                why = f"waiting on code owner review from {_or(group)}"
                found.append(MergeBlocker(what="Code owner", why=why, who=_who([group], pull.author)))
    return found


def _stale(pull: PullRequest, approvals: Sequence[Review]) -> str:
    """An approval of an earlier commit no longer counts once it is dismissed; say which one it was for."""
    old = next((review for review in approvals if review.commit != pull.head_sha), None)
    return f"; {old.author} approved {old.commit[:SHORT]}, which is no longer the head" if old else ""


def _threads(pull: PullRequest, rules: BranchRules) -> list[MergeBlocker]:
    if not rules.resolved_threads or pull.unresolved_threads == 0:
        return []
    count = pull.unresolved_threads
    why = f"{count} review {'thread is' if count == 1 else 'threads are'} unresolved"
    return [MergeBlocker(what="Open discussion", why=why, who=f"{pull.author} or the reviewer")]


def _who(groups: Sequence[Sequence[str]], author: str) -> str:
    """Owners other than the author, who may not approve their own work."""
    people = list(dict.fromkeys(owner for group in groups for owner in group if owner != author))
    return _or(people) if people else "someone with write access other than the author"


def _or(names: Sequence[str]) -> str:
    return " or ".join(names)
