"""A pull request's page: which buttons may be used, what new commits made void, and where its model went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.domain.people import Actor
from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.domain.registry import ModelVersion
from backend.domain.reviews import BlockerKind, CheckState, MergeBlocker, PullRequestDetail
from backend.domain.value import Reading, T
from console.viewmodels.board import Person
from console.viewmodels.figures import ago, plural, short_commit

OLDEST = 120.0
"""Seconds after which nobody should decide on what is shown: a page is read every 15."""
_UNSURE = {BlockerKind.COMPUTING, BlockerKind.OTHER}
"""What GitHub has not said yet, or says without a reason: the merge call finds out."""


@dataclass(frozen=True, slots=True)
class Void:
    """Something that was said of an earlier commit."""

    who: str
    what: str
    commit: str
    commits_since: int


def away(reading: Reading[T], now: datetime) -> str:
    """Why nothing may be decided on what is shown, "" where it is fresh."""
    if reading.problem:
        return f"{reading.source} does not answer: what is shown is of {ago(reading.at, now)}. {reading.problem}"
    old = reading.age(now)
    if old is not None and old > OLDEST:
        return f"{reading.source} answers slowly: what is shown is of {ago(reading.at, now)}."
    return ""


def merge_refusal(detail: PullRequestDetail) -> str:
    """Why GitHub would refuse a merge now, "" where it would not or cannot be told."""
    return _sentence(blocker for blocker in detail.blockers if blocker.kind not in _UNSURE)


def approve_and_merge_refusal(detail: PullRequestDetail, person: Person) -> str:
    """As `merge_refusal`, of what this person's approval does not clear itself."""
    return _sentence(b for b in detail.blockers if b.kind not in _UNSURE and not _cleared_by(b, detail, person))


def _cleared_by(blocker: MergeBlocker, detail: PullRequestDetail, person: Person) -> bool:
    if blocker.kind is BlockerKind.APPROVAL:
        return not blocker.people or person.among(blocker.people)
    mine = [r.author for r in detail.summary.reviews if r.state == "CHANGES_REQUESTED" and person.among((r.author,))]
    return blocker.kind is BlockerKind.CHANGES and blocker.who in mine


def _sentence(blockers: Iterable[MergeBlocker]) -> str:
    found = next(iter(blockers), None)
    return f"{found.what}: {found.why}. GitHub would refuse the merge." if found else ""


def rerun_refusal(detail: PullRequestDetail) -> str:
    """Why no check can be run again, "" where one can."""
    failed = [c for c in detail.summary.checks if c.state in {CheckState.FAILED, CheckState.CANCELLED}]
    if not failed:
        return "No check has failed."
    if not any(check.workflow_run for check in failed):
        return "The failed checks are of other apps: run them again there."
    return ""


def underway(intents: Sequence[Intent]) -> str:
    pending = next((i for i in intents if i.state in {IntentState.PENDING, IntentState.RUNNING}), None)
    return f"The worker is doing “{pending.kind.value}” for {pending.actor} now." if pending else ""


def unfulfilled(actor: Actor, detail: PullRequestDetail, intents: Sequence[Intent]) -> str:
    """What became of this person's latest wish about the commit shown, "" unless it came to nothing."""
    latest = next(iter(intents), None)
    if latest is None or latest.state is not IntentState.FAILED or detail.merged_sha:
        return ""
    if (latest.actor, latest.head_sha) != (actor.name, detail.summary.head_sha):
        return ""
    return f"{latest.kind.value.capitalize()}: {latest.outcome}"


def voided(detail: PullRequestDetail, intents: Sequence[Intent]) -> tuple[Void, ...]:
    """Verdicts on earlier commits, newest first: GitHub's reviews, and approvals given here."""
    head = detail.summary.head_sha
    said = {"APPROVED": "approved", "DISMISSED": "approved", "CHANGES_REQUESTED": "asked for changes at"}
    latest = {(r.author, r.commit): r for r in detail.given if r.state in said and r.commit and r.commit != head}
    found = [
        Void(r.author, said[r.state], r.commit, _since(detail, r.commit))
        for r in sorted(latest.values(), key=lambda review: review.submitted_at, reverse=True)
    ]
    here = {IntentKind.APPROVE, IntentKind.APPROVE_AND_MERGE}
    found += [
        Void(i.actor, "approved here", i.head_sha, _since(detail, i.head_sha))
        for i in intents
        if i.kind in here and i.state is IntentState.FAILED and i.head_sha != head
    ]
    return tuple(found)


def _since(detail: PullRequestDetail, sha: str) -> int:
    """Commits after this one; 0 where it is no longer among them, as after a rebase."""
    known = [commit.sha for commit in detail.commits]
    return len(known) - 1 - known.index(sha) if sha in known else 0


def void_words(found: Void) -> str:
    since = f"{plural(found.commits_since, 'commit')} came since" if found.commits_since else "the branch was rewritten"
    return f"{found.who} {found.what} {short_commit(found.commit)}; {since}, so it no longer counts"


def comparison_void(detail: PullRequestDetail, champion: str) -> str:
    """Why the comparison shown is not the one to decide on; `champion` is the commit of what serves, "" if unknown."""
    compared = detail.comparison
    if compared is None:
        return ""
    if compared.challenger.commit != detail.summary.head_sha:
        commit = short_commit(compared.challenger.commit)
        return f"It compares {commit}, which is not the head: it is void until the check has run again."
    if champion and compared.champion.commit != champion and not detail.merged_sha:
        was, now = short_commit(compared.champion.commit), short_commit(champion)
        return f"The champion has changed since: it was {was} and is {now} now. Run the checks again to compare."
    return ""


def descendants(detail: PullRequestDetail, versions: Sequence[ModelVersion]) -> tuple[ModelVersion, ...]:
    """Model versions that this pull request's merge made, newest first."""
    number, merged = str(detail.summary.number), detail.merged_sha
    found = [v for v in versions if v.lineage.pull_request == number or (merged and v.lineage.commit == merged)]
    return tuple(sorted(found, key=lambda version: version.created_at, reverse=True))
