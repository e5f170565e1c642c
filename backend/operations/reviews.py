"""Pull requests: read through, and a person's verdicts recorded as wishes that the worker performs as them."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.approvals import ApprovalRules
from backend.domain.authorship import CommitAuthors
from backend.domain.clock import Clock
from backend.domain.people import Actor, Right
from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.domain.reviews import PullCommit, PullRequest, PullRequestDetail
from backend.errors import Invalid, NotPermitted
from backend.gateways.github.actions import Actions
from backend.gateways.github.board import Board
from backend.gateways.github.pulls import Pulls
from backend.operations import authorise
from backend.policy.duty import may_not_approve_change
from backend.policy.identity import names_of, signature
from backend.store import Store

SHA_LENGTH = 40
APPROVING = {IntentKind.APPROVE, IntentKind.APPROVE_AND_MERGE}
VERDICTS = {*APPROVING, IntentKind.REQUEST_CHANGES}
RIGHTS = {IntentKind.RERUN: Right.MANAGE_RUNS}
"""What a wish asks for, where it is not the right to review."""


class Reviews:
    """`rules` say who is called what at GitHub, and whether an author may approve."""

    def __init__(
        self, pulls: Pulls, board: Board, actions: Actions, store: Store, clock: Clock, rules: ApprovalRules
    ) -> None:
        self._pulls = pulls
        self._actions = actions
        self._board = board
        self._store = store
        self._clock = clock
        self._rules = rules

    def pulls(self) -> tuple[PullRequest, ...]:
        """Open pull requests, most recently updated first, read from GitHub."""
        return self._board.look()

    def pull(self, number: int) -> PullRequestDetail:
        """One pull request in full, read from GitHub. Raises NotFound."""
        return self._pulls.detail(number)

    def record(
        self,
        actor: Actor,
        kind: IntentKind,
        number: int,
        head_sha: str,
        author: str,
        reason: str,
        key: str,
        commits: Sequence[PullCommit] = (),
    ) -> Intent:
        """Record the wish, about exactly the head commit the person saw; the worker performs it within seconds.

        `author` is the pull request's GitHub login, `key` the form's idempotency key: the same key is the same wish.
        `commits` are those that the person saw; the worker asks GitHub for all of them before it approves anything.
        Raises NotPermitted with `refusal`'s sentence, Invalid, or Conflict. GitHub remains the judge of the rest.
        """
        refused = self._refusal(actor, kind, author, commits)
        if refused:
            raise NotPermitted(refused)
        if len(head_sha) != SHA_LENGTH:
            raise Invalid(f"{head_sha!r} is no commit: the wish must name the full head commit that was looked at.")
        intent = Intent(
            id=authorise.require_key(key),
            kind=kind,
            pull_request=number,
            head_sha=head_sha,
            actor=actor.name,
            reason=authorise.require_reason(reason),
            state=IntentState.PENDING,
            outcome="",
            created_at=self._clock(),
        )
        return self._store.intents.record(intent, actor.channel)

    def log(self, job: int) -> str:
        """The end of a check's log, read from GitHub. Raises NotFound where it is kept no more."""
        return self._actions.log(job)

    def intents(self, number: int) -> tuple[Intent, ...]:
        """Wishes about one pull request, newest first."""
        return self._store.intents.of_pull_request(number)

    def intent(self, intent_id: str) -> Intent:
        """Raises NotFound."""
        return self._store.intents.get(intent_id)

    def refusal(self, actor: Actor, kind: IntentKind, pull: PullRequest, commits: Sequence[PullCommit] = ()) -> str:
        """Why the button is disabled for this person, "" where it is not. Reads the database only."""
        return self._refusal(actor, kind, pull.author, commits)

    def _refusal(self, actor: Actor, kind: IntentKind, author: str, commits: Sequence[PullCommit]) -> str:
        missing = authorise.refusal(actor, RIGHTS.get(kind, Right.REVIEW))
        if missing:
            return missing
        login = self._store.tokens.login(actor.name)
        person = names_of(self._rules.people, actor.name, login)
        if kind in VERDICTS and signature(author).names & person:
            return "You opened this pull request: another reviewer must decide on it."
        if kind in APPROVING:
            written = [CommitAuthors(commit=commit.sha, authors=commit.authors) for commit in commits]
            mine = may_not_approve_change(self._rules, written, person)
            if mine:
                return mine
        if login is None:
            how = "Connect GitHub first (in a terminal: mlops login --github)"
            return f"{how}: {_doing(kind)} under your own GitHub name."
        return ""


def _doing(kind: IntentKind) -> str:
    return "checks are run again" if kind is IntentKind.RERUN else "the review is made"
