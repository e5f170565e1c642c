"""Quarantine: an operator or a lead takes a version out of every path; a lead lets it back, or retires it for good."""

from __future__ import annotations

from sqlalchemy import Connection

from backend.domain.approvals import Quarantine
from backend.domain.clock import Clock
from backend.domain.people import Actor, Right
from backend.domain.promotions import Promotion, Request
from backend.domain.registry import ModelVersion
from backend.errors import Conflict, NotFound
from backend.operations.authorise import LONGEST_REASON, require, require_reason
from backend.operations.steering import Steering
from backend.promotion.transitions import rolling_back
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note


class Quarantines:
    def __init__(self, store: Store, project: Project, steering: Steering, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._steering = steering
        self._clock = clock

    def quarantine(self, actor: Actor, version: ModelVersion, reason: str) -> Quarantine:
        """Keep a version from being approved, tested, created, promoted or returned to, by any path, from now on.

        A promotion of it that is under way is aborted with the same click. A version that serves keeps serving until
        somebody rolls back. The same wish twice is one; raises Conflict where it is held for another reason.
        """
        require(actor, Right.CONTROL)
        said = require_reason(reason)
        wanted = Quarantine(
            model=version.name,
            version=version.version,
            digest=version.digest,
            reason=said,
            set_by=actor.name,
            set_at=self._clock(),
        )
        with self._store.writing() as transaction:
            held = self._store.quarantines.set(wanted, _note(actor, version, "quarantined", said), transaction)
            if (held.set_by, held.reason) != (actor.name, said):
                raise Conflict(
                    f"v{version.version} is in quarantine already, by {held.set_by}: {held.reason}",
                    expected="in use",
                    actual="quarantined",
                )
            self._abort(actor, version, said, transaction)
            return held

    def retire(self, actor: Actor, version: ModelVersion, reason: str) -> Quarantine:
        """Put a version out of use for good: nothing brings it back, to no endpoint.

        Raises Conflict where it serves, or is on its way to production.
        """
        require(actor, Right.APPROVE)
        said = require_reason(reason)
        wanted = Quarantine(
            model=version.name,
            version=version.version,
            digest=version.digest,
            reason=said,
            set_by=actor.name,
            set_at=self._clock(),
            retired=True,
        )
        with self._store.writing() as transaction:
            endpoint = self._project.endpoint
            stable, active = self._store.promotions.stable(endpoint), self._store.promotions.active(endpoint)
            if any(p is not None and _is(p, version) for p in (stable, active)):
                raise Conflict(
                    f"v{version.version} serves {endpoint}, or is on its way there: bring another version there first.",
                    expected="out of use",
                    actual="in use",
                )
            return self._store.quarantines.retire(wanted, _note(actor, version, "retired", said), transaction)

    def release(self, actor: Actor, version: ModelVersion, reason: str) -> Quarantine:
        """Let it be decided about again; raises NotFound where it is not in quarantine itself."""
        require(actor, Right.APPROVE)
        note = _note(actor, version, "quarantine_released", require_reason(reason))
        known = self._store.quarantines.on(version.name, version.version, version.digest)
        if known is not None and known.retired:
            raise Conflict(f"v{known.version} is retired, which is for good.", expected="quarantined", actual="retired")
        held = self._store.quarantines.release(version.name, version.version, note)
        if held is None:
            raise NotFound(f"v{version.version} is not in quarantine.")
        return held

    def _abort(self, actor: Actor, version: ModelVersion, reason: str, transaction: Connection) -> None:
        active = self._store.promotions.active(self._project.endpoint)
        if active is not None and _is(active, version) and not rolling_back(active):
            why = f"v{version.version} was quarantined: {reason}"[:LONGEST_REASON]
            self._steering.abort(actor, active.id, why, within=transaction)


def _is(active: Promotion, version: ModelVersion) -> bool:
    target = active.target
    same = target.version == version.version or bool(version.digest and target.digest == version.digest)
    return target.model == version.name and same and active.request is not Request.ABORT


def _note(actor: Actor, version: ModelVersion, what: str, reason: str) -> Note:
    return Note(
        actor=actor.name,
        channel=actor.channel,
        action=f"version.{what}",
        subject=f"model/{version.name}:{version.version}",
        reason=reason,
        before="quarantined" if what == "quarantine_released" else "in use",
        after="in use" if what == "quarantine_released" else what,
        detail={"digest": version.digest},
    )
