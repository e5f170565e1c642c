"""What happened to the repository against the rules that releases stand on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from backend.domain.repository import BranchChange, Dismissal, MergedChange, Quotation
from backend.domain.unexplained import EventKind, Noticed

REVIEWED = "a pull request with an approval that is not its author's and a green required check"


def of_changes(
    branch: str, changes: Iterable[BranchChange], merges: Mapping[str, MergedChange]
) -> tuple[tuple[Noticed, ...], tuple[Quotation, ...]]:
    """What was wrong with changes of the default branch, and every merge among them with its reviews, quoted.

    `merges` are the pull requests by the commit they made. The branch's beginning is nobody's fault.
    """
    noticed: list[Noticed] = []
    quoted: list[Quotation] = []
    for change in changes:
        merge = merges.get(change.after)
        if change.kind == "branch_creation":
            continue
        if change.kind in {"force_push", "branch_deletion"}:
            what = "rewritten" if change.kind == "force_push" else "deleted"
            noticed.append(_of_branch(branch, EventKind.HISTORY, change, "history that only grows", what))
        elif merge is None:
            actual = f"{change.after[:7]} came by a push"
            noticed.append(_of_branch(branch, EventKind.PUSH, change, "pull requests only", actual))
        else:
            quoted += _quoted(change, merge)
            noticed += _of_merge(change, merge)
    return tuple(noticed), tuple(quoted)


def of_dismissals(found: Iterable[Dismissal]) -> tuple[tuple[Noticed, ...], tuple[Quotation, ...]]:
    """Every verdict taken back, quoted; one that a person took back, and not a push by the rules, is unexplained."""
    everything = tuple(found)
    noticed = tuple(
        Noticed(
            kind=EventKind.DISMISSED,
            subject=f"pull_request/{one.pull_request}",
            expected="verdicts that their reviewer or a new push takes back",
            actual=f"a review ({one.state}) was dismissed: {one.message}",
            by=one.by,
            happened_at=one.at,
            reference=f"event {one.id}",
        )
        for one in everything
        if not one.commit
    )
    quoted = tuple(
        Quotation(
            action="github.review_dismissed",
            subject=f"pull_request/{one.pull_request}",
            by=one.by,
            at=one.at,
            id=f"event {one.id}",
            said=one.message or "no reason given",
            after="dismissed",
        )
        for one in everything
    )
    return noticed, quoted


def of_ruleset(name: str, differences: Sequence[str] | None, changed_at: datetime | None = None) -> Noticed:
    """A ruleset that is neither as it was nor as it is declared; None where it is gone."""
    actual = "it is gone" if differences is None else "; ".join(differences)
    return Noticed(
        kind=EventKind.RULESET,
        subject=f"ruleset/{name}",
        expected="as declared",
        actual=actual,
        happened_at=changed_at,
    )


def _of_merge(change: BranchChange, merge: MergedChange) -> list[Noticed]:
    missing = []
    if not merge.approved_by:
        missing.append("no approval but the author's own could count")
    if not merge.checked:
        missing.append("its required check had not passed")
    if not missing:
        return []
    return [
        Noticed(
            kind=EventKind.MERGE,
            subject=f"pull_request/{merge.number}",
            expected=REVIEWED,
            actual=f"#{merge.number} was merged as {merge.merge_sha[:7]}: {' and '.join(missing)}",
            by=merge.merged_by,
            happened_at=merge.merged_at or change.at,
            reference=f"activity {change.id}",
        )
    ]


def _quoted(change: BranchChange, merge: MergedChange) -> list[Quotation]:
    subject = f"pull_request/{merge.number}"
    reviews = [
        Quotation(
            action="github.reviewed",
            subject=subject,
            by=review.by,
            at=review.at,
            id=f"review {review.id}",
            said=f"on {review.commit[:7]}",
            after=review.state.lower().replace("_", " "),
        )
        for review in merge.reviews
    ]
    merged = Quotation(
        action="github.merged",
        subject=subject,
        by=merge.merged_by,
        at=merge.merged_at or change.at,
        id=f"activity {change.id}",
        said=merge.title,
        after=merge.merge_sha,
    )
    return [*reviews, merged]


def _of_branch(branch: str, kind: EventKind, change: BranchChange, expected: str, actual: str) -> Noticed:
    return Noticed(
        kind=kind,
        subject=f"branch/{branch}",
        expected=expected,
        actual=actual,
        by=change.by,
        happened_at=change.at,
        reference=f"activity {change.id}",
    )
