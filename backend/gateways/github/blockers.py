"""Why a merge would be refused now. Pure: the merge call itself stays the judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.domain.reviews import (
    BlockerKind,
    CheckRun,
    CheckState,
    Mergeability,
    MergeBlocker,
    PullRequest,
    Review,
)

SHORT = 7
UNDER_WAY = {CheckState.QUEUED, CheckState.RUNNING}


@dataclass(frozen=True, slots=True)
class BranchRules:
    """The effective rules of the base branch, organisation's included."""

    approvals: int = 0
    code_owners: bool = False
    last_push: bool = False
    resolved_threads: bool = False
    up_to_date: bool = False
    checks: tuple[str, ...] = ()

    def plus(self, other: BranchRules) -> BranchRules:
        """Both at once: the stricter of each."""
        return BranchRules(
            approvals=max(self.approvals, other.approvals),
            code_owners=self.code_owners or other.code_owners,
            last_push=self.last_push or other.last_push,
            resolved_threads=self.resolved_threads or other.resolved_threads,
            up_to_date=self.up_to_date or other.up_to_date,
            checks=tuple(dict.fromkeys((*self.checks, *other.checks))),
        )


def blockers(
    pull: PullRequest, rules: BranchRules, owners: Sequence[Sequence[str]], pusher: str = ""
) -> tuple[MergeBlocker, ...]:
    """Everything between this head commit and the base branch, each with who can clear it, the first to clear first.

    `owners` are the groups of code owners that the changed files need, one approval from each; `pusher` is who wrote
    the head commit, "" where GitHub knows no account of theirs. `reviewDecision` is not asked: it is empty with
    unresolved threads and before the first opinion.
    """
    found = [
        *_state(pull),
        *_checks(pull, rules),
        *_reviews(pull, rules, owners, pusher),
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
    order = list(BlockerKind)
    return tuple(sorted(found, key=lambda blocker: order.index(blocker.kind)))


def _state(pull: PullRequest) -> list[MergeBlocker]:
    found = []
    if pull.draft:
        found.append(_authors(pull, BlockerKind.DRAFT, "Draft", "it is marked as a draft"))
    if pull.mergeability is Mergeability.CONFLICTING or pull.merge_state == "DIRTY":
        why = f"{pull.head_ref} and {pull.base_ref} change the same lines; merge {pull.base_ref} into the branch"
        found.append(_authors(pull, BlockerKind.CONFLICT, "Conflict", why))
    elif pull.mergeability is Mergeability.CHECKING:
        why = "GitHub has not computed yet whether it merges cleanly"
        who = "GitHub, within seconds"
        found.append(MergeBlocker(what="Mergeability unknown", why=why, who=who, kind=BlockerKind.COMPUTING))
    if pull.merge_state == "BEHIND":
        why = f"{pull.base_ref} has moved on and its rules ask for an up-to-date branch"
        found.append(_authors(pull, BlockerKind.BEHIND, "Branch out of date", why))
    return found


def _authors(pull: PullRequest, kind: BlockerKind, what: str, why: str) -> MergeBlocker:
    return MergeBlocker(what=what, why=why, who=pull.author, kind=kind, people=(pull.author,))


def _checks(pull: PullRequest, rules: BranchRules) -> list[MergeBlocker]:
    found = []
    for name in dict.fromkeys((*rules.checks, *pull.required_checks)):
        runs = [check for check in pull.checks if check.name == name]
        what = f"Check {name}"
        if not runs:
            why = f"has not reported on {pull.head_sha[:SHORT]}"
            who = "the workflow that reports it"
            found.append(MergeBlocker(what=what, why=why, who=who, kind=BlockerKind.CHECK_PENDING))
            continue
        latest = max(runs, key=lambda check: check.id)
        if latest.state in UNDER_WAY:
            why = f"is {latest.state.value}"
            who = "the workflow, when it ends"
            found.append(MergeBlocker(what=what, why=why, who=who, kind=BlockerKind.CHECK_PENDING))
        elif latest.state not in {CheckState.PASSED, CheckState.SKIPPED}:
            found.append(_authors(pull, BlockerKind.CHECK_FAILED, what, _check_reason(latest)))
    return found


def _check_reason(check: CheckRun) -> str:
    return f"{check.state.value}: {check.title}" if check.title else check.state.value


def _reviews(pull: PullRequest, rules: BranchRules, owners: Sequence[Sequence[str]], pusher: str) -> list[MergeBlocker]:
    opinions = [r for r in pull.reviews if r.counts and r.author != pull.author]
    found = [
        MergeBlocker(
            what="Changes requested",
            why=f"{review.author} asked for changes at {review.commit[:SHORT]}",
            who=review.author,
            kind=BlockerKind.CHANGES,
            people=(pull.author, review.author),
        )
        for review in opinions
        if review.state == "CHANGES_REQUESTED"
    ]
    approvals = [r for r in opinions if r.state == "APPROVED"]
    current = {review.author for review in approvals if review.commit == pull.head_sha}
    if len(current) < rules.approvals:
        why = f"{len(current)} of {rules.approvals} approvals on {pull.head_sha[:SHORT]}{_stale(pull, opinions)}"
        found.append(_approval(pull, "Approval missing", why, owners if rules.code_owners else ()))
    elif rules.last_push and rules.approvals and pusher and current == {pusher}:
        why = f"{pusher} pushed {pull.head_sha[:SHORT]} and is the only one who approved it"
        found.append(_approval(pull, "Approval by somebody else", why, (), besides=pusher))
    if rules.code_owners:
        for group in owners:
            if not current & set(group):
                why = f"waiting on code owner review from {_or(group)}"
                found.append(_approval(pull, "Code owner", why, [group]))
    return found


def _approval(
    pull: PullRequest, what: str, why: str, owners: Sequence[Sequence[str]], besides: str = ""
) -> MergeBlocker:
    """Owners other than the author, who may not approve their own work."""
    people = tuple(dict.fromkeys(o for group in owners for o in group if o not in {pull.author, besides}))
    other = f"the author or {besides}" if besides else "the author"
    who = _or(people) if people else f"someone with write access other than {other}"
    return MergeBlocker(what=what, why=why, who=who, kind=BlockerKind.APPROVAL, people=people)


def _stale(pull: PullRequest, opinions: Sequence[Review]) -> str:
    """An approval of an earlier commit no longer counts, dismissed by GitHub or not; say which one it was for."""
    given = (review for review in opinions if review.state in {"APPROVED", "DISMISSED"})
    old = next((review for review in given if review.commit != pull.head_sha), None)
    return f"; {old.author} approved {old.commit[:SHORT]}, which is no longer the head" if old else ""


def _threads(pull: PullRequest, rules: BranchRules) -> list[MergeBlocker]:
    if not rules.resolved_threads or pull.unresolved_threads == 0:
        return []
    count = pull.unresolved_threads
    why = f"{count} review {'thread is' if count == 1 else 'threads are'} unresolved"
    who = f"{pull.author} or the reviewer"
    return [MergeBlocker(what="Open discussion", why=why, who=who, kind=BlockerKind.THREADS, people=(pull.author,))]


def _or(names: Sequence[str]) -> str:
    return " or ".join(names)
