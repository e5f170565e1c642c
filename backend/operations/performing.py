"""People's wishes about pull requests, performed with their own token; read back first, so nothing happens twice."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pydantic import SecretStr

from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.errors import BackendError, CorruptState, CredentialsRejected, RemoteUnavailable
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.pulls import MergeState, Pulls
from backend.gateways.github.verdicts import Verdicts
from backend.operations.lent_tokens import BeingRenewed, LentTokens
from backend.store import Store
from backend.store.intents import ClaimedIntent

MAX_ATTEMPTS = 8
LONGEST_WAIT = 30.0
_log = logging.getLogger(__name__)

_APPROVING = (IntentKind.APPROVE, IntentKind.APPROVE_AND_MERGE)
_MERGING = (IntentKind.MERGE, IntentKind.APPROVE_AND_MERGE)


class Refused(Exception):
    """The wish cannot be performed; the text is its outcome."""


class Performing:
    """`connect` makes GitHub reachable as the holder of a token."""

    def __init__(
        self,
        store: Store,
        lent: LentTokens,
        connect: Callable[[SecretStr], GitHubConnection],
        lease_seconds: float,
    ) -> None:
        self._store = store
        self._lent = lent
        self._connect = connect
        self._lease_seconds = lease_seconds

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

    def _perform(self, intent: Intent) -> str:
        """What was done, in words. Raises Refused or one of our errors."""
        held = self._lent.live(intent.actor)
        if held is None:
            raise Refused(f"{intent.actor} has not connected GitHub; connect it and ask again.")
        try:
            return _perform_as(self._connect(held.grant.access), held.login, intent)
        except CredentialsRejected as error:
            if error.status == 401:
                self._lent.refused(held)
            raise


def _perform_as(connection: GitHubConnection, login: str, intent: Intent) -> str:
    state = Pulls(connection).merge_state(intent.pull_request)
    if intent.head_sha != state.head_sha:
        raise Refused(
            f"#{intent.pull_request} has new commits: you saw {intent.head_sha[:7]}, it is at {state.head_sha[:7]}."
        )
    verdicts = Verdicts(connection)
    done = []
    if intent.kind in _APPROVING:
        done.append(_review(verdicts, intent, state, login, "APPROVED"))
    if intent.kind is IntentKind.REQUEST_CHANGES:
        done.append(_review(verdicts, intent, state, login, "CHANGES_REQUESTED"))
    if intent.kind in _MERGING:
        done.append(_merge(verdicts, intent, state))
    return " ".join(part for part in done if part)


def _review(verdicts: Verdicts, intent: Intent, state: MergeState, login: str, word: str) -> str:
    said = f"{'Approved' if word == 'APPROVED' else 'Changes requested'} as {login}."
    if verdicts.reviewed(intent.pull_request, login, intent.head_sha, word):
        return said
    if state.state == "merged":
        return ""
    write = verdicts.approve if word == "APPROVED" else verdicts.request_changes
    write(intent.pull_request, intent.head_sha, intent.reason)
    return said


def _merge(verdicts: Verdicts, intent: Intent, state: MergeState) -> str:
    if state.state == "merged":
        return f"Merged as {state.merged_sha[:7]}."
    if state.state != "open":
        raise Refused(f"#{intent.pull_request} is {state.state}; reopen it to merge.")
    merged = verdicts.merge(intent.pull_request, intent.head_sha, state.title, intent.reason)
    return f"Merged as {merged[:7]}."
