"""Steering what is under way on the production endpoint: stopping on the way, going on, and holding it closed."""

from __future__ import annotations

from sqlalchemy import Connection

from backend.domain.clock import Clock
from backend.domain.people import Actor, Right
from backend.domain.promotions import Hold, Promotion, Request
from backend.errors import Conflict
from backend.operations.authorise import require, require_reason
from backend.promotion import transitions, wording
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note


class Steering:
    """What a person may ask of a promotion that has begun, and whether the next one may begin."""

    def __init__(self, store: Store, project: Project, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def pause(self, actor: Actor, promotion_id: str, reason: str) -> Promotion:
        """Stay where it is between two steps; analysis goes on."""
        return self._ask(actor, promotion_id, Request.PAUSE, reason)

    def abort(self, actor: Actor, promotion_id: str, reason: str, within: Connection | None = None) -> Promotion:
        """Return traffic to what was found at the beginning, and hold the endpoint."""
        return self._ask(actor, promotion_id, Request.ABORT, reason, within)

    def promote_now(self, actor: Actor, promotion_id: str, reason: str) -> Promotion:
        """Go on to the next weight without the rest of this observation, inconclusive or not.

        Needs a right of its own. What has failed cannot be gone on from, and a freeze window still holds the traffic.
        """
        require(actor, Right.PROMOTE_NOW)
        return self._wish(actor, promotion_id, Request.PROMOTE_NOW, require_reason(reason))

    def resume(self, actor: Actor, promotion_id: str, reason: str) -> Promotion:
        """Go on after a pause, or try again where attention was needed."""
        require(actor, Right.CONTROL)
        said = require_reason(reason)
        return self._store.promotions.change(
            promotion_id,
            lambda now: transitions.resume(now, actor.name, said, self._clock()),
            lambda before, after: _told(actor, "promotion.resumed", said, before, after),
        )

    def set_hold(self, actor: Actor, reason: str) -> Hold:
        """Keep promotions from beginning on the production endpoint until a lead lifts it; what is under way goes on.

        The same wish twice is one. Raises Conflict where the endpoint is held for another reason.
        """
        require(actor, Right.CONTROL)
        said, name = require_reason(reason), self._project.endpoint
        with self._store.writing() as transaction:
            held = self._store.holds.on(name)
            if held is not None and (held.set_by, held.reason) == (actor.name, said):
                return held
            if held is not None:
                raise Conflict(
                    f"{name} is on hold already, by {held.set_by}: {held.reason}", expected="open", actual="held"
                )
            hold = Hold(endpoint=name, promotion="", reason=said, set_by=actor.name, set_at=self._clock())
            self._store.holds.set(hold, actor.channel, transaction)
            return hold

    def release_hold(self, actor: Actor, reason: str) -> Hold:
        """Let promotions begin again on the production endpoint."""
        require(actor, Right.PROMOTE)
        return self._store.holds.release(self._project.endpoint, actor.name, actor.channel, require_reason(reason))

    def hold(self) -> Hold | None:
        return self._store.holds.on(self._project.endpoint)

    def _ask(
        self, actor: Actor, promotion_id: str, request: Request, reason: str, within: Connection | None = None
    ) -> Promotion:
        require(actor, Right.CONTROL)
        return self._wish(actor, promotion_id, request, require_reason(reason), within)

    def _wish(
        self, actor: Actor, promotion_id: str, request: Request, said: str, within: Connection | None = None
    ) -> Promotion:
        return self._store.promotions.change(
            promotion_id,
            lambda now: transitions.ask(now, request, actor.name, said, self._clock()),
            lambda before, after: _told(
                actor, f"promotion.{request.value.replace(' ', '_')}_requested", said, before, after
            ),
            within=within,
        )


def _told(actor: Actor, action: str, reason: str, before: Promotion, after: Promotion) -> Note | None:
    """The ledger row of a person's wish; none where it was expressed before."""
    if before == after:
        return None
    return Note(
        actor=actor.name,
        channel=actor.channel,
        action=action,
        subject=f"promotion/{after.id}",
        reason=reason,
        before=before.phase.value,
        after=after.phase.value,
        detail=wording.detail(after),
    )
