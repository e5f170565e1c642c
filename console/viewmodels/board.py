"""The board of pull requests: what each waits for and for whom, sorted, filtered and searched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.domain.people import Actor, Right
from backend.domain.reviews import BlockerKind, CheckState, MergeBlocker, PullRequest
from console.viewmodels.figures import ago, duration, plural, signed
from console.viewmodels.pulls import matches
from console.viewmodels.state import VERDICTS, Pill
from console.viewmodels.text import Untrusted

STALE_AFTER = timedelta(days=14)
"""Without a push for so long a change was made against another main, and its author has to remember it."""
ROWS = 20

_PILLS = {
    BlockerKind.DRAFT: Pill("Draft", "quiet", "edit_note"),
    BlockerKind.CONFLICT: Pill("Conflict", "bad", "call_split"),
    BlockerKind.CHECK_FAILED: Pill("A check fails", "bad", "error"),
    BlockerKind.CHANGES: Pill("Changes requested", "warn", "edit_note"),
    BlockerKind.THREADS: Pill("Open discussion", "warn", "forum"),
    BlockerKind.BEHIND: Pill("Out of date", "warn", "update"),
    BlockerKind.CHECK_PENDING: Pill("Being checked", "blue", "sync"),
    BlockerKind.COMPUTING: Pill("Being computed", "blue", "hourglass_top"),
    BlockerKind.APPROVAL: Pill("Needs approval", "blue", "rate_review"),
    BlockerKind.OTHER: Pill("Blocked", "warn", "block"),
}
READY = Pill("Ready to merge", "good", "check_circle")
_FOR_ITS_PEOPLE = {
    BlockerKind.CONFLICT,
    BlockerKind.CHECK_FAILED,
    BlockerKind.CHANGES,
    BlockerKind.THREADS,
    BlockerKind.BEHIND,
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks at the board: their console account and GitHub login are the same person."""

    names: frozenset[str]
    reviews: bool

    @classmethod
    def of(cls, actor: Actor, login: str | None) -> Person:
        names = frozenset(name.lower() for name in (actor.name, login or "") if name)
        return cls(names, actor.may(Right.REVIEW))

    def among(self, people: Iterable[str]) -> bool:
        return not self.names.isdisjoint(name.lower() for name in people)


def first(pull: PullRequest) -> MergeBlocker | None:
    """What it waits for: blockers come in the order in which they are worth clearing."""
    return pull.blockers[0] if pull.blockers else None


def waits_for(pull: PullRequest) -> tuple[Pill, Untrusted]:
    """What it waits for, and for whom."""
    blocker = first(pull)
    if blocker is None:
        return READY, Untrusted("anybody who may merge")
    if blocker.kind is BlockerKind.APPROVAL and not blocker.people:
        return _PILLS[blocker.kind], Untrusted("anybody else who may write")
    return _PILLS[blocker.kind], Untrusted(blocker.who, 80)


def waits_for_person(pull: PullRequest, person: Person) -> bool:
    """Whether this person's act is the next one. Drafts and checks under way wait for nobody."""
    blocker = first(pull)
    if blocker is None:
        return person.reviews
    if blocker.kind in _FOR_ITS_PEOPLE:
        return person.among(blocker.people)
    if blocker.kind is not BlockerKind.APPROVAL or not person.reviews or person.among((pull.author,)):
        return False
    if person.among(r.author for r in pull.reviews if r.commit == pull.head_sha and r.state == "APPROVED"):
        return False
    return not blocker.people or person.among(blocker.people)


def consequence(pull: PullRequest) -> str:
    """What the act that it waits for leads to, or what goes on until then."""
    blocker = first(pull)
    if blocker is not None and blocker.kind in _FOR_ITS_PEOPLE:
        return "It cannot merge, nor be approved for good, until then."
    lead = "Merging it" if blocker is None else "Approved, it can merge, which"
    if pull.changes_rules:
        return f"{lead} changes the rules that judge models."
    if pull.trains:
        return f"{lead} retrains on production data and registers a new version."
    return f"{lead} changes no model."


def stale(pull: PullRequest, now: datetime) -> str:
    """Why it is stale, "" where it is not."""
    since = pull.pushed_at or pull.updated_at
    if now - since > STALE_AFTER:
        return f"no push for {duration((now - since).total_seconds())}"
    return ""


def reviewed(pull: PullRequest) -> tuple[Pill, str]:
    """The verdicts of people whose verdicts count, on this head commit; what new commits made void is said."""
    current = [r for r in pull.reviews if r.counts and r.commit == pull.head_sha and r.author != pull.author]
    against = [r.author for r in current if r.state == "CHANGES_REQUESTED"]
    by = [r.author for r in current if r.state == "APPROVED"]
    void = [r for r in pull.reviews if r.commit != pull.head_sha and r.state in {"APPROVED", "DISMISSED"}]
    lost = f"{plural(len(void), 'approval')} void by new commits" if void else ""
    if against:
        return Pill("Changes requested", "warn", "edit_note"), f"by {_and(against)}"
    if by:
        return Pill("Approved", "good", "how_to_reg"), f"by {_and(by)}"
    return Pill("Not reviewed", "quiet", "radio_button_unchecked"), lost


def compared(pull: PullRequest) -> tuple[Pill, str]:
    """The model against the champion's: verdict and AUC's difference, or why there is none."""
    change = pull.change
    if change is not None:
        return VERDICTS[change.verdict], f"AUC {signed(change.difference)}"
    if not pull.trains:
        return Pill("No model change", "quiet", "do_not_disturb_on"), ""
    return Pill("Not compared", "quiet", "radio_button_unchecked"), ""


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)


def _changes(pull: PullRequest) -> int:
    return pull.additions + pull.deletions


def _gain(pull: PullRequest) -> float:
    """Rows without a comparison go last."""
    return -pull.change.difference if pull.change else float("inf")


def _turn(pull: PullRequest) -> int:
    """Ready first, then what people can clear, machines last."""
    blocker = first(pull)
    if blocker is None:
        return -1
    return list(BlockerKind).index(blocker.kind) if blocker.kind is not BlockerKind.APPROVAL else 0


SORTS: dict[str, Callable[[PullRequest], object]] = {
    "latest activity": lambda pull: -pull.updated_at.timestamp(),
    "oldest": lambda pull: pull.created_at.timestamp(),
    "largest": lambda pull: -_changes(pull),
    "smallest": _changes,
    "best model": _gain,
    "next to merge": _turn,
}
WAITING_FOR_ME = "waiting for me"
FILTERS = ("all", WAITING_FOR_ME, "ready to merge", "failing", "changes the model", "drafts", "conflicts", "stale")


def _fits(pull: PullRequest, chosen: str, person: Person, now: datetime) -> bool:
    blocker = first(pull)
    kind = blocker.kind if blocker else None
    return {
        WAITING_FOR_ME: lambda: waits_for_person(pull, person),
        "ready to merge": lambda: blocker is None,
        "failing": lambda: pull.check_state is CheckState.FAILED,
        "changes the model": lambda: pull.trains,
        "drafts": lambda: pull.draft,
        "conflicts": lambda: kind is BlockerKind.CONFLICT or any(b.kind is BlockerKind.CONFLICT for b in pull.blockers),
        "stale": lambda: bool(stale(pull, now)),
    }.get(chosen, lambda: True)()


def chosen(
    pulls: Sequence[PullRequest], *, words: str, show: str, sort: str, person: Person, now: datetime
) -> list[PullRequest]:
    """The rows that fit, in order; an unknown filter or order in the address is the first one."""
    found = [pull for pull in pulls if matches(pull, words) and _fits(pull, show, person, now)]
    key = SORTS.get(sort, SORTS["latest activity"])
    return sorted(found, key=lambda pull: (key(pull), pull.number))


def sizes(pull: PullRequest) -> tuple[int, int, str]:
    return pull.additions, pull.deletions, plural(pull.changed_files, "file")


def ages(pull: PullRequest, now: datetime) -> tuple[str, str]:
    """How old it is, and when something last happened; a stale one says since when nobody has pushed."""
    return f"open for {duration((now - pull.created_at).total_seconds())}", stale(
        pull, now
    ) or f"active {ago(pull.updated_at, now)}"


def marks(pull: PullRequest) -> tuple[Pill, ...]:
    """What a reader must not overlook about a row."""
    found = []
    if pull.fork:
        found.append(Pill("fork", "warn", "fork_right"))
    if pull.changes_rules:
        found.append(Pill("changes the gates", "bad", "gavel"))
    return tuple(found)
