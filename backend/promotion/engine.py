"""Claim a promotion, run one step, commit its outcome with its ledger row, and give it back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from backend.domain.clock import Clock
from backend.domain.promotions import Errored, Failed, Hold, Kind, Outcome, Phase, Promotion, Request
from backend.domain.unexplained import Look
from backend.errors import (
    BackendError,
    Conflict,
    CorruptState,
    CredentialsRejected,
    Invalid,
    NotPermitted,
    PolicyDenied,
    RemoteUnavailable,
)
from backend.promotion import transitions, wording
from backend.promotion.context import LeaseLost, Reach, StepContext
from backend.promotion.steps import STEPS
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note
from backend.store.promotions import Superseded

WORKER = "worker"
RENEWALS_A_LEASE = 3
LONGEST_STEP_IN_LEASES = 20
_log = logging.getLogger(__name__)


class Engine:
    """Any number may run: the database decides which of them holds a promotion."""

    def __init__(
        self, store: Store, reach: Reach, project: Project, clock: Clock, *, owner: str, lease_seconds: float
    ) -> None:
        self._store = store
        self._reach = reach
        self._project = project
        self._clock = clock
        self._owner = owner
        self._lease_seconds = lease_seconds

    def tick(self) -> bool:
        """Do one thing for the promotion that has been due longest; False if none is due.

        Everything a step may meet becomes an outcome, but for CorruptState, and RemoteUnavailable of the database: what
        cannot be committed is not known to have happened, so the next claim looks again when the lease has run out.
        """
        promotion = self._store.promotions.claim(self._owner, self._lease_seconds)
        if promotion is None:
            return False
        try:
            if promotion.request is not Request.NONE:
                self._commit(promotion, None)
            else:
                self._commit(promotion, self._run(promotion))
        except (LeaseLost, Superseded):
            _log.warning("another worker has taken over promotion %s; nothing more is written here", promotion.id)
        return True

    def _run(self, promotion: Promotion) -> Outcome:
        record = promotion.current
        if record is None:
            raise CorruptState(f"promotion {promotion.id} is {promotion.phase.value} behind its last step")
        context = StepContext(
            promotion=promotion,
            record=record,
            project=self._project,
            store=self._store,
            reach=self._reach,
            clock=self._clock,
            still_mine=lambda: self._store.promotions.renew(promotion, self._lease_seconds),
        )
        try:
            with self._keeping(promotion):
                return STEPS[record.step.kind](context)
        except (LeaseLost, Superseded, CorruptState):
            raise
        except BackendError as error:
            return outcome_of(error)
        except Exception as error:  # noqa: BLE001  # a defect must end in the way back, not in a promotion left alone
            _log.exception("step %s of promotion %s broke", record.step.kind.value, promotion.id)
            return Errored(reason=f"Unexpected {type(error).__name__}: {error}", transient=False)

    @contextmanager
    def _keeping(self, promotion: Promotion) -> Iterator[None]:
        """Renew the lease while the step runs, so that a slow service does not make two workers of this process race.

        A process that is killed or frozen renews nothing. Nor does a step that hangs for ever: it is given up on.
        """
        ended = threading.Event()

        def keep() -> None:
            for _ in range(LONGEST_STEP_IN_LEASES * RENEWALS_A_LEASE):
                if ended.wait(self._lease_seconds / RENEWALS_A_LEASE):
                    return
                try:
                    if not self._store.promotions.renew(promotion, self._lease_seconds):
                        return
                except RemoteUnavailable as error:
                    # The database may be back before the lease ends; if it is not, another worker's claim decides.
                    _log.warning("the lease of promotion %s could not be renewed: %s", promotion.id, error)

        keeper = threading.Thread(target=keep, name=f"lease of {promotion.id}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join()

    def _commit(self, claimed: Promotion, outcome: Outcome | None) -> None:
        now = self._clock()
        with self._store.writing() as transaction:
            after = self._store.promotions.change(
                claimed.id,
                lambda row: transitions.honour(row, now) if outcome is None else transitions.advance(row, outcome, now),
                told,
                fence=claimed.fence,
                within=transaction,
            )
            if isinstance(outcome, Failed) and outcome.noticed:
                # The way back puts it right within seconds: a look every twenty may never see it.
                self._store.unexplained.take_in(Look(noticed=outcome.noticed), transaction)
            if after.phase is Phase.ROLLED_BACK and after.kind is Kind.PROMOTE:
                self._hold(after, transaction)

    def _hold(self, after: Promotion, transaction: Connection) -> None:
        """Automation does not promote again what a person has not looked at."""
        hold = Hold(
            endpoint=after.target.endpoint,
            promotion=after.id,
            reason=f"v{after.target.version} was rolled back. {after.reason}",
            set_by=after.request_by or WORKER,
            set_at=self._clock(),
        )
        self._store.holds.set(hold, WORKER, transaction)


def outcome_of(error: BackendError) -> Outcome:
    """The one place that decides which errors are tried again.

    A refused credential is: role assignments take minutes to be known everywhere. A conflict is: the service is
    busy with an earlier change. What the service understood and refused is not.
    """
    if isinstance(error, RemoteUnavailable):
        return Errored(reason=str(error), transient=True, retry_after=error.retry_after)
    if isinstance(error, CredentialsRejected | Conflict):
        return Errored(reason=str(error), transient=True)
    if isinstance(error, Invalid | PolicyDenied | NotPermitted):
        return Failed(reason=str(error))
    return Errored(reason=str(error), transient=False)


def told(before: Promotion, after: Promotion) -> Note | None:
    """The ledger row of a change by the worker; None where nothing but figures moved."""
    action = wording.action(before, after)
    if not action:
        return None
    step = wording.settled_step(before, after)
    ended = step is not None and step.finished_at is not None and action.startswith("step.")
    return Note(
        actor=WORKER,
        channel=WORKER,
        action=action,
        subject=f"promotion/{after.id}",
        reason=step.reason if ended and step is not None else after.reason,
        before=before.phase.value,
        after=after.phase.value,
        detail=wording.detail(after, step),
    )
