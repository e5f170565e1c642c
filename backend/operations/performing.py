"""People's wishes about pull requests, performed with their own token; read back first, so nothing happens twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import SecretStr

from backend.domain.approvals import ApprovalRules
from backend.domain.clock import Clock, utc_now
from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.errors import BackendError, CorruptState, CredentialsRejected, RemoteRejected, RemoteUnavailable
from backend.gateways.github.actions import Actions
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.commits import Commits
from backend.gateways.github.files import ChangedFiles
from backend.gateways.github.pulls import MergeState, Pulls
from backend.gateways.github.refusals import in_plain_words
from backend.gateways.github.rows import TRAINING
from backend.gateways.github.verdicts import Verdicts
from backend.operations.lent_tokens import BeingRenewed, LentTokens
from backend.policy.duty import may_not_approve_change
from backend.policy.identity import names_of
from backend.store import Store
from backend.store.intents import ClaimedIntent

MAX_ATTEMPTS = 8
LONGEST_TURN = timedelta(hours=2)
TURN_SECONDS = 10.0
SETTLING = timedelta(seconds=30)
"""GitHub begins the workflows of a merge some seconds after it."""
LONGEST_WAIT = 30.0
_log = logging.getLogger(__name__)

_APPROVING = (IntentKind.APPROVE, IntentKind.APPROVE_AND_MERGE)
_MERGING = (IntentKind.MERGE, IntentKind.APPROVE_AND_MERGE)


class Refused(Exception):
    """The wish cannot be performed; the text is its outcome."""


class NotYet(Exception):
    """The wish is as it should be and its turn has not come; the text says what it waits for."""


class Performing:
    """`connect` makes GitHub reachable as the holder of a token; `rules` say whether an author may approve.

    One merge is under way at a time, and one that retrains waits until what main retrains has ended: two at once would
    each be judged against a champion that the other may replace.
    """

    def __init__(
        self,
        store: Store,
        lent: LentTokens,
        connect: Callable[[SecretStr], GitHubConnection],
        rules: ApprovalRules,
        lease_seconds: float,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._lent = lent
        self._connect = connect
        self._rules = rules
        self._lease_seconds = lease_seconds
        self._clock = clock

    def perform_next(self) -> bool:
        """Perform the wish that has waited longest; False if none is due."""
        claimed = self._store.intents.claim(self._lease_seconds)
        if claimed is None:
            return False
        try:
            outcome = self._perform(claimed.intent)
        except RemoteUnavailable as error:
            self._later(claimed, str(error), error.retry_after or 0.0)
        except BeingRenewed as error:
            self._later(claimed, str(error), 0.0)
        except NotYet as reason:
            self._wait(claimed, str(reason))
        except CorruptState:
            raise
        except (BackendError, Refused) as error:
            self._store.intents.finish(claimed, IntentState.FAILED, str(error))
        except Exception as error:  # noqa: BLE001  # a defect must end the wish with a word, not leave it pending for ever
            _log.exception("wish %s broke", claimed.intent.id)
            self._store.intents.finish(claimed, IntentState.FAILED, f"Unexpected {type(error).__name__}: {error}")
        else:
            self._store.intents.finish(claimed, IntentState.SUCCEEDED, outcome)
        return True

    def _later(self, claimed: ClaimedIntent, why: str, at_least: float) -> None:
        if claimed.attempt + 1 >= MAX_ATTEMPTS:
            self._store.intents.finish(claimed, IntentState.FAILED, f"{why} Given up after {MAX_ATTEMPTS} tries.")
            return
        wait = max(min(2.0**claimed.attempt, LONGEST_WAIT), at_least)
        self._store.intents.postpone(claimed, wait, f"{why} Trying again.")

    def _wait(self, claimed: ClaimedIntent, reason: str) -> None:
        """Its turn has not come, which is no try that failed."""
        if self._clock() - claimed.intent.created_at > LONGEST_TURN:
            limit = f"{LONGEST_TURN.total_seconds() / 3600:.0f} h"
            self._store.intents.finish(claimed, IntentState.FAILED, f"{reason} Given up after {limit}.")
            return
        self._store.intents.postpone(claimed, TURN_SECONDS, reason, counts=False)

    def _perform(self, intent: Intent) -> str:
        """What was done, in words. Raises Refused or one of our errors."""
        held = self._lent.live(intent.actor)
        if held is None:
            raise Refused(f"{intent.actor} has not connected GitHub; connect it and ask again.")
        try:
            return self._perform_as(self._connect(held.grant.access), held.login, intent)
        except CredentialsRejected as error:
            if error.status == 401:
                self._lent.refused(held)
            raise

    def _perform_as(self, connection: GitHubConnection, login: str, intent: Intent) -> str:
        state = Pulls(connection).merge_state(intent.pull_request)
        if intent.head_sha != state.head_sha:
            raise Refused(
                f"#{intent.pull_request} has new commits: you saw {intent.head_sha[:7]}, it is at "
                f"{state.head_sha[:7]}. What was said of the old ones is void."
            )
        if intent.kind is IntentKind.RERUN:
            return _run_again(Actions(connection), intent)
        verdicts = Verdicts(connection)
        done = []
        if intent.kind in _APPROVING:
            self._refuse_own(connection, intent, login)
            done.append(_review(verdicts, intent, state, login, "APPROVED"))
        if intent.kind is IntentKind.REQUEST_CHANGES:
            done.append(_review(verdicts, intent, state, login, "CHANGES_REQUESTED"))
        if intent.kind in _MERGING:
            done.append(self._merge(connection, intent, state, login))
        return " ".join(part for part in done if part)

    def _refuse_own(self, connection: GitHubConnection, intent: Intent, login: str) -> None:
        """GitHub keeps only who opened a pull request from approving it, not who wrote a commit of it."""
        person = names_of(self._rules.people, intent.actor, login)
        commits = Commits(connection).of_pull(intent.pull_request).commits
        why = may_not_approve_change(self._rules, commits, person)
        if why:
            raise Refused(why)

    def _merge(self, connection: GitHubConnection, intent: Intent, state: MergeState, login: str) -> str:
        """The merge call is the judge. A merge that somebody else made meanwhile is the one that was asked for."""
        if state.state == "merged":
            return _merged(state, login)
        if state.state != "open":
            raise Refused(f"#{intent.pull_request} is {state.state}; reopen it to merge.")
        _await_turn(connection, state, self._store.intents.last_merged(intent.pull_request), self._clock())
        try:
            merged = Verdicts(connection).merge(intent.pull_request, intent.head_sha, state.title, intent.reason)
        except RemoteRejected as refusal:
            now = Pulls(connection).merge_state(intent.pull_request)
            if now.state == "merged" and now.head_sha == intent.head_sha:
                return _merged(now, login)
            raise Refused(in_plain_words(str(refusal))) from refusal
        return f"Merged as {merged[:7]}."


def _await_turn(connection: GitHubConnection, state: MergeState, merged_at: datetime | None, now: datetime) -> None:
    """Raise NotYet while the base branch retrains, if this merge would retrain too."""
    files = ChangedFiles(connection).of(state.number, state.head_sha, "")
    if not any(path.startswith(TRAINING) for file in files for path in (file.path, file.previous_path)):
        return
    going = [run.name for run in Actions(connection).under_way(state.base_ref)]
    if going:
        raise NotYet(f"Merges that retrain go one at a time: “{going[0]}” runs on {state.base_ref} now.")
    if merged_at is not None and now - merged_at < SETTLING:
        raise NotYet(f"Merges that retrain go one at a time: {state.base_ref} has just had another one.")


def _review(verdicts: Verdicts, intent: Intent, state: MergeState, login: str, word: str) -> str:
    said = f"{'Approved' if word == 'APPROVED' else 'Changes requested'} as {login}."
    if verdicts.reviewed(intent.pull_request, login, intent.head_sha, word):
        return said
    if state.state == "merged":
        return ""
    write = verdicts.approve if word == "APPROVED" else verdicts.request_changes
    write(intent.pull_request, intent.head_sha, intent.reason)
    return said


def _run_again(actions: Actions, intent: Intent) -> str:
    """Failed runs of this commit begun before the click; what began since is the second try's own doing."""
    runs = actions.runs_of(intent.head_sha)
    failed = [run for run in runs if run.completed and run.failed and run.started_at <= intent.created_at]
    for run in failed:
        actions.run_failed_again(run.id)
    if failed:
        return f"Runs again: {', '.join(run.name for run in failed)}."
    going = [run.name for run in runs if not run.completed or run.started_at > intent.created_at]
    if going:
        return f"Runs again already: {', '.join(going)}."
    raise Refused("No failed workflow run is left on this commit; checks of other apps are run again where they are.")


def _merged(state: MergeState, login: str) -> str:
    by = "" if state.merged_by in {"", login} else f" by {state.merged_by}, before this came to it"
    return f"Merged as {state.merged_sha[:7]}{by}."
