"""The controls of the default branch, tried on its stand-in: pushes by git, reviews and merges by the API.

The app makes what a drill needs and removes it; what a person would do is tried with the token of the person who asked,
and as the app where nobody has lent one. What goes through is taken back, and nothing is tried that could not be.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from backend.domain.drills import ATTEMPTS, MARK, STAND_IN, Control, Outcome, Try, Verdict
from backend.domain.guards import BranchGuards
from backend.errors import BackendError, CorruptState, NotFound, RemoteRejected
from backend.gateways.github.checks import Checks, Report
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.guards import Guards
from backend.gateways.github.pushes import Pushes, pushes
from backend.gateways.github.repositories import Repositories
from backend.gateways.github.stand_in import StandIn
from backend.gateways.github.verdicts import Verdicts
from backend.policy.drills import (
    BRANCH_CONTROLS,
    absent,
    by_rules,
    may_be_tried,
    of_branch,
    of_self_approval,
    stands_in,
)
from backend.settings_project import Project
from backend.store import Store

MOVED = "drill/stand-in"
"""The mark that holds the stand-in's commit while something is tried on it."""
APP = "the installed app"
FREE = "free"
DISMISSAL_LOOKS = 10
"""Seconds: GitHub dismisses an approval soon after the push, not within it."""
BODY = (
    "A drill of the MLOps Console: it tries whether this repository's rules refuse what they should. Nothing here is "
    f"meant to be merged, and only the branch {STAND_IN} could be changed. It is closed and removed by itself."
)
NOT_HARMLESS = "Not tried: nothing would refuse it, and the other rules would keep it from being taken back."
NEEDS_PERSON = (
    "Not tried: an approval that can be dismissed is a person's, and nobody who has connected GitHub asked for this "
    "drill."
)


@dataclass(frozen=True)
class Person:
    """Who asked for the drill, at GitHub."""

    login: str
    connection: GitHubConnection


@dataclass(frozen=True)
class BranchDrill:
    """The branch controls of one drill. `id_` names its branches; `folder` is for git."""

    store: Store
    project: Project
    app: GitHubConnection
    person: Person | None
    id_: str
    folder: Path

    @property
    def _stand_in(self) -> StandIn:
        return StandIn(self.app)

    def verdicts(self) -> Iterator[Verdict]:
        """One for each control of the branch, and for the author's approval."""
        repositories = Repositories(self.app)
        facts, plan = repositories.read(), repositories.plan()
        if facts is not None and facts.private and plan == FREE:
            yield from (absent(control, plan) for control in BRANCH_CONTROLS)
            yield from self._alone(self._stand_in.head())
            return
        head = self._stand_in.head()
        guards = Guards(self.app)
        main = guards.of(self.project.default_branch)
        over = guards.of(STAND_IN) if head else None
        why_not = stands_in(main, over)
        if over is None or why_not:
            check = self.project.required_check
            yield from (of_branch(control, main, check, None, why_not) for control in BRANCH_CONTROLS)
            yield from self._alone(head)
            return
        self.store.marks.set(MOVED, head)
        with pushes(self.app, STAND_IN, self.folder) as git:
            yield from self._tried(git, main, over)

    def _alone(self, head: str) -> Iterator[Verdict]:
        """What needs no rule: GitHub itself keeps an author from approving."""
        if not head:
            told = f"There is no branch {STAND_IN}: `mlops setup apply` makes it."
            yield Verdict(control=Control.SELF_APPROVAL, outcome=Outcome.UNKNOWN, told=told, tried_as="nobody")
            return
        with pushes(self.app, STAND_IN, self.folder) as git:
            yield asked(Control.SELF_APPROVAL, lambda: self._self_approval(git))

    def _tried(self, git: Pushes, main: BranchGuards, over: BranchGuards) -> Iterator[Verdict]:
        deeds: dict[Control, Callable[[], Try]] = {
            Control.PUSH: lambda: self._push(git, git.commit(f"{MARK} pushed to {STAND_IN} directly", git.head)),
            Control.FORCE_PUSH: lambda: self._push(git, git.stranger(f"{MARK} forced onto {STAND_IN}"), force=True),
            Control.DELETION: lambda: self._push(git, ""),
            Control.FAILING_CHECK: lambda: self._failing_check(git),
            Control.DISMISSED_REVIEW: lambda: self._dismissed_review(git, self.person),
        }
        for control, deed in deeds.items():
            yield asked(control, partial(self._one, control, deed, main, over))
        yield asked(Control.SELF_APPROVAL, lambda: self._self_approval(git))

    def _one(self, control: Control, deed: Callable[[], Try], main: BranchGuards, over: BranchGuards) -> Verdict:
        check = self.project.required_check
        if not may_be_tried(control, over, check):
            return of_branch(control, main, check, None, NOT_HARMLESS)
        if control is Control.DISMISSED_REVIEW and self.person is None:
            return by_rules(control, main, check, NEEDS_PERSON)
        return of_branch(control, main, check, deed())

    def _push(self, git: Pushes, commit: str, *, force: bool = False) -> Try:
        connection, name = self._actor()
        answer = git.push(connection, commit, STAND_IN, force=force)
        return Try(tried_as=name, refused=not answer.taken, said=answer.said, left=self._back(git, answer.taken))

    def _failing_check(self, git: Pushes) -> Try:
        """Approved by the person, so that as little as possible besides the check is in the way."""
        number, commit = self._pull(git, self.app, "check")
        report = Report(
            name=self.project.required_check,
            external_id=f"drill-{self._short}",
            conclusion="failure",
            title="A drill: this check fails on purpose",
            summary=BODY,
            url=f"https://github.com/{self.project.repository}",
        )
        Checks(self.app).publish(commit, report)
        if self.person is not None:
            Verdicts(self.person.connection).approve(number, commit, f"{MARK} approved, so that the check is judged.")
        return self._merge(git, number, commit)

    def _dismissed_review(self, git: Pushes, person: Person | None) -> Try:
        """Approved, then pushed to: where the approval goes on counting, nothing has to be merged to know it."""
        if person is None:
            raise NotFound(NEEDS_PERSON)
        verdicts = Verdicts(person.connection)
        number, commit = self._pull(git, self.app, "review")
        verdicts.approve(number, commit, f"{MARK} approved before the last push.")
        newer = git.commit_file(f"{MARK} pushed after the approval", commit, "mlops-drill.md", BODY)
        self._put(git, self.app, newer, self._branch("review"))
        pause = threading.Event()
        for _ in range(DISMISSAL_LOOKS):
            if not verdicts.reviewed(number, person.login, commit, "APPROVED"):
                return self._merge(git, number, newer)
            pause.wait(1.0)
        return Try(tried_as=person.login, refused=False, said=f"approval of {commit[:7]} counts for {newer[:7]} too")

    def _self_approval(self, git: Pushes) -> Verdict:
        connection, name = self._actor()
        number, commit = self._pull(git, connection, "author")
        try:
            Verdicts(connection).approve(number, commit, f"{MARK} approved by its author.")
        except RemoteRejected as refusal:
            return of_self_approval(Try(tried_as=name, refused=True, said=_words(refusal)))
        return of_self_approval(Try(tried_as=name, refused=False, said=""))

    def _merge(self, git: Pushes, number: int, commit: str) -> Try:
        connection, name = self._actor()
        try:
            Verdicts(connection).merge(number, commit, f"{MARK} must not be merged")
        except RemoteRejected as refusal:
            return Try(tried_as=name, refused=True, said=_words(refusal))
        return Try(tried_as=name, refused=False, said="", left=self._back(git, True))

    def _pull(self, git: Pushes, author: GitHubConnection, purpose: str) -> tuple[int, str]:
        """A pull request of one empty commit into the stand-in: its number and its head."""
        commit = git.commit(f"{MARK} {purpose}", git.head)
        branch = self._branch(purpose)
        self._put(git, author, commit, branch)
        title = f"{MARK} do not merge ({purpose}), it closes by itself"
        return StandIn(author).open(branch, title, BODY), commit

    def _put(self, git: Pushes, author: GitHubConnection, commit: str, branch: str) -> None:
        answer = git.push(author, commit, branch)
        if not answer.taken:
            raise NotFound(f"The drill's own branch {branch} could not be pushed: {answer.said}")

    def _back(self, git: Pushes, taken: bool) -> str:
        """Put the stand-in back where something went through; what stays, in words."""
        return put_back(git.head, self.app, self.person) if taken else ""

    def _actor(self) -> tuple[GitHubConnection, str]:
        return (self.person.connection, self.person.login) if self.person else (self.app, APP)

    def _branch(self, purpose: str) -> str:
        return f"{ATTEMPTS}{self._short}-{purpose}"

    @property
    def _short(self) -> str:
        return hashlib.sha256(self.id_.encode()).hexdigest()[:8]


def tidy(store: Store, app: GitHubConnection, person: Person | None) -> str:
    """Remove what any drill has left, also one that was killed; what could not be removed, in words."""
    stand_in = StandIn(app)
    numbers, branches = stand_in.left()
    for number in numbers:
        stand_in.close(number)
    for branch in branches:
        stand_in.remove(branch)
    commit = store.marks.value(MOVED)
    left = put_back(commit, app, person) if commit else ""
    if commit and not left:
        store.marks.set(MOVED, "")
    return left


def put_back(commit: str, app: GitHubConnection, person: Person | None) -> str:
    """Put the stand-in back, as whoever may; why it stays as it is, where the rules forbid that to both.

    Whom the rules let past to change it, they let past to undo that.
    """
    why = ""
    for connection in (app, *((person.connection,) if person else ())):
        try:
            StandIn(connection).reset(commit)
        except RemoteRejected as refusal:
            why = _words(refusal)
        else:
            return ""
    return f"{STAND_IN} could not be put back to {commit[:7]}: {why}"


def asked(control: Control, look: Callable[[], Verdict]) -> Verdict:
    """The verdict, or that it is unknown: no right to see or to try, no answer, something in the way."""
    try:
        return look()
    except CorruptState:
        raise
    except BackendError as error:
        return Verdict(control=control, outcome=Outcome.UNKNOWN, told=str(error), tried_as="nobody")


def _words(refusal: RemoteRejected) -> str:
    """The service's own sentence, without ours around it."""
    said = str(refusal).partition(": ")[2] or str(refusal)
    return said.removeprefix("Repository rule violations found").strip()
