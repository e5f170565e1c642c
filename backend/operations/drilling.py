"""The worker's side of drills: one at a time, on a schedule or asked for, recorded control by control.

```
killed in the middle   its lease ends, the next worker removes what is left and tries every control again
went past a control    a finding with an owner, beside those about drift, until a drill is refused
a service away         the control is unknown; a finding stands as it stood
```
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

from pydantic import SecretStr

from backend.domain.clock import Clock
from backend.domain.drills import Control, Drill, Outcome, Verdict
from backend.domain.people import WORKER
from backend.domain.setup import Change, FindingState, PlannedResource, SetupLook
from backend.errors import (
    BackendError,
    CorruptState,
    CredentialsRejected,
    NotFound,
    RemoteUnavailable,
    SignInEnded,
)
from backend.gateways.github.client import GitHubConnection
from backend.operations.drills_branch import BranchDrill, Person, tidy
from backend.operations.drills_ci import CiDrill
from backend.operations.drills_release import ReleaseDrill
from backend.operations.lent_tokens import BeingRenewed, LentTokens
from backend.settings_project import Project
from backend.store import Store

LEASE_SECONDS = 300.0
"""Longer than any one control takes; so long after its death a worker's drill is taken up by another."""
MOST_ATTEMPTS = 3
FIRST_LOOK = "drill/first-look"
CONTROL = "control"
_log = logging.getLogger(__name__)


class TakenOver(Exception):
    """Another worker has the drill, so that nothing more may be tried."""


class Drilling:
    """`connect` makes GitHub reachable as the holder of a token; `ci` and `release` try what concerns Azure and us."""

    def __init__(
        self,
        store: Store,
        project: Project,
        app: GitHubConnection,
        connect: Callable[[SecretStr], GitHubConnection],
        lent: LentTokens,
        ci: CiDrill,
        release: ReleaseDrill,
        clock: Clock,
        *,
        folder: Path,
        every_hours: float,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._store = store
        self._project = project
        self._app = app
        self._connect = connect
        self._lent = lent
        self._ci = ci
        self._release = release
        self._clock = clock
        self._folder = folder
        self._every_hours = every_hours
        self._lease = lease_seconds

    def perform_next(self) -> bool:
        """Perform the drill that waits or is due; False if there is none. Raises CorruptState only."""
        self._schedule()
        drill = self._store.drills.claim(self._lease)
        if drill is None:
            return False
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, mode=0o700)
        try:
            self._perform(drill)
        except TakenOver:
            _log.warning("another worker has taken over drill %s; nothing more is tried here", drill.id)
        return True

    def _schedule(self) -> None:
        """The first one comes a whole pause after the first look: before that, setup may not have made anything."""
        if not self._every_hours:
            return
        if self._store.drills.latest() is None:
            begun = self._store.marks.value(FIRST_LOOK)
            if not begun:
                self._store.marks.set(FIRST_LOOK, self._clock().isoformat())
                return
            waited = self._clock() - datetime.fromisoformat(begun)
            if waited.total_seconds() < self._every_hours * 3600:
                return
        self._store.drills.ask_if_due(self._every_hours)

    def _perform(self, drill: Drill) -> None:
        person, trouble = self._person(drill)
        left = [self._tidy(person)]
        if drill.attempts > MOST_ATTEMPTS:
            self._end(drill, f"Given up: {MOST_ATTEMPTS} workers ended in the middle of it.", left)
            return
        for verdict in self._verdicts(drill, person, trouble):
            if not self._store.drills.keep(drill, self._lease):
                raise TakenOver
            self._record(drill, verdict)
        left.append(self._tidy(person))
        found = self._store.drills.of_drill(drill.id)
        counts = {outcome: sum(one.outcome is outcome for one in found) for outcome in Outcome}
        self._end(drill, ", ".join(f"{number} {word.value}" for word, number in counts.items() if number), left)

    def _verdicts(self, drill: Drill, person: Person | None, trouble: str) -> Iterator[Verdict]:
        """Every control once; where the rules themselves cannot be read, or who asked, the rest is unknown."""
        seen: set[Control] = set()
        try:
            if trouble:
                raise NotFound(trouble)
            branch = BranchDrill(self._store, self._project, self._app, person, drill.id, self._folder)
            for verdict in branch.verdicts():
                seen.add(verdict.control)
                yield verdict
        except CorruptState:
            raise
        except BackendError as error:
            trouble = str(error)
        for verdict in chain(self._ci.verdicts(), self._release.verdicts()):
            seen.add(verdict.control)
            yield verdict
        for control in Control:
            if control not in seen:
                yield Verdict(control=control, outcome=Outcome.UNKNOWN, told=trouble, tried_as="nobody")

    def _person(self, drill: Drill) -> tuple[Person | None, str]:
        """Who asked, where they have lent us their GitHub rights, and why that cannot be known right now."""
        if drill.asked_by == WORKER.name:
            return None, ""
        try:
            held = self._lent.live(drill.asked_by)
        except SignInEnded:
            return None, ""
        except (RemoteUnavailable, BeingRenewed) as error:
            return None, str(error)
        return (None if held is None else Person(held.login, self._connect(held.grant.access))), ""

    def _record(self, drill: Drill, verdict: Verdict) -> None:
        subject = PlannedResource(
            kind=CONTROL,
            name=verdict.control.value,
            where=self._project.repository,
            change=Change.UPDATE,
            note=verdict.told,
            by_hand=True,
        )
        if verdict.outcome is Outcome.UNKNOWN:
            look = SetupLook()
        elif verdict.outcome is Outcome.NOT_REFUSED:
            found = (subject, FindingState.NOT_REFUSED, (verdict.told,))
            look = SetupLook(found=(found,), looked_at=frozenset({subject.key}))
        else:
            look = SetupLook(looked_at=frozenset({subject.key}))
        with self._store.writing() as transaction:
            self._store.drills.record(drill, verdict, transaction)
            self._store.setup_findings.take_in(look, transaction)

    def _tidy(self, person: Person | None) -> str:
        try:
            return tidy(self._store, self._app, person)
        except CredentialsRejected as error:
            return f"whether something is left could not be seen: {error}"
        except CorruptState:
            raise
        except BackendError as error:
            return f"not everything could be removed, the next drill tries again: {error}"

    def _end(self, drill: Drill, note: str, left: list[str]) -> None:
        more = " ".join(one for one in left if one)
        self._store.drills.end(drill, f"{note}. {more}".strip() if more else f"{note}.")
