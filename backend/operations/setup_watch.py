"""The worker's side of setup: compares on a schedule, and performs the fixes that people ask for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection

from backend.domain.setup import Change, FixState, PlannedResource, SetupFinding, SetupPlan
from backend.errors import BackendError, CorruptState, CredentialsRejected, RemoteUnavailable
from backend.policy.setup_watch import judged
from backend.setup.resource import Resource, look_at, plan
from backend.store import Store

MARK = "setup/declared"
BY_SETUP = "Run `mlops setup apply` with the setup identity: the worker may not."


class SetupWatch:
    """`resources` are looked at, and made, as the identity of this process."""

    def __init__(self, store: Store, resources: Callable[[], Sequence[Resource]], lease_seconds: float) -> None:
        self._store = store
        self._resources = resources
        self._lease = lease_seconds

    def look(self) -> None:
        """One comparison of everything. Raises the gateways' errors where a service does not answer."""
        self._take_in(plan(self._resources()))

    def fix_next(self) -> bool:
        """Perform the fix that waits; False if none does. A service that does not answer is asked again later."""
        finding = self._store.setup_findings.claim_fix(self._lease)
        if finding is None:
            return False
        try:
            state, outcome = self._fix(finding)
        except RemoteUnavailable:
            # The lease ends, and then it is tried again.
            return False
        except CorruptState:
            raise
        except BackendError as error:
            state, outcome = FixState.LEFT, _left(error)
        self._store.setup_findings.end_fix(finding, state, outcome)
        return True

    def _fix(self, finding: SetupFinding) -> tuple[FixState, str]:
        resource = next((one for one in self._resources() if _key(one) == finding.resource), None)
        if resource is None:
            return FixState.LEFT, "It is no longer declared."
        planned = look_at(resource)
        if planned.change is not Change.NONE:
            waiting = resource.waits_for() if planned.change is Change.CREATE else ""
            if planned.change is Change.UNREADABLE or resource.make is None or waiting:
                return FixState.LEFT, _sentence(waiting or planned.note or "It cannot be read.")
            resource.make()
            planned = look_at(resource)
        self._take_in(SetupPlan(resources=(planned,)))
        if planned.change is Change.NONE:
            return FixState.DONE, "It is as declared."
        return FixState.LEFT, _sentence(f"still not as declared: {'; '.join(planned.sentences)}")

    def _take_in(self, seen: SetupPlan) -> None:
        with self._store.writing() as transaction:
            look, now_known = judged(seen, known(self._store, transaction))
            remember(self._store, transaction, now_known)
            self._store.setup_findings.take_in(look, transaction)


def known(store: Store, within: Connection) -> dict[str, str]:
    """By resource, the declaration that it was last true to."""
    found: dict[str, str] = json.loads(store.marks.value(MARK, within) or "{}")
    return found


def remember(store: Store, within: Connection, now_known: Mapping[str, str]) -> None:
    if now_known != known(store, within):
        store.marks.set(MARK, json.dumps(now_known, sort_keys=True), within)


def _key(resource: Resource) -> str:
    return PlannedResource(kind=resource.kind, name=resource.name, where=resource.where, change=Change.NONE).key


def _left(error: BackendError) -> str:
    return f"{BY_SETUP} {error}" if isinstance(error, CredentialsRejected) else str(error)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
