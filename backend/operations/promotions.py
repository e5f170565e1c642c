"""Promoting, rolling back, and stopping on the way. Every verb only writes our database; the worker does the rest."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection

from backend.domain.approvals import APPROVED
from backend.domain.clock import Clock
from backend.domain.decisions import Blocker, Decision, Dossier, Seen
from backend.domain.endpoints import Endpoint
from backend.domain.people import Actor, Right
from backend.domain.promotions import Hold, Kind, Promotion, Request, Retirement, Step, Success, Target
from backend.domain.registry import ModelVersion
from backend.domain.telemetry import Traffic
from backend.errors import Conflict, Invalid, PolicyDenied
from backend.operations import judging
from backend.operations.approvals import accepted, approval_note, approval_of, deny
from backend.operations.authorise import require, require_key, require_reason
from backend.operations.council import council_of, require_may_approve, require_may_promote
from backend.operations.decision import Live, Situation, can_complete, decide, dossier_of
from backend.operations.overrides import used_note
from backend.operations.way_back import earlier_target, refuse_quarantined, refuse_rejected
from backend.policy.approval import quarantined, standing_approval
from backend.policy.findings import findings
from backend.policy.freezes import frozen
from backend.policy.seen import refuse_if_changed, seen_of
from backend.promotion import plan, transitions, wording
from backend.promotion.target import target_on
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

APPROVAL_SUFFIX = "-approval"
WAYS_BACK = 60
"""A page offers the versions among these; a command names any that has ever served."""
MOST_EXTREME = 0.001
"""A threshold nearer to 0 or 1 would call everybody or nobody."""


class Promotions:
    """What a person may ask of the production endpoint of one project."""

    def __init__(self, store: Store, project: Project, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def decision(
        self, actor: Actor, version: ModelVersion, endpoint: Endpoint | None, traffic: Traffic | None = None
    ) -> Decision:
        """All a lead needs before the click: `endpoint` and its last hour of calls as last seen, None if never."""
        require(actor, Right.READ)
        return decide(self._store, self._project, actor, version, Live(endpoint, traffic), self._clock())

    def approve_and_promote(
        self,
        actor: Actor,
        version: ModelVersion,
        expected_stable: str,
        reason: str,
        key: str,
        acknowledged: tuple[str, ...] = (),
        seen: Seen | None = None,
    ) -> Promotion:
        """Two decisions with one click: both are recorded, or neither. `acknowledged` names advisory gates.

        Raises NotPermitted, Invalid, PolicyDenied with the decision page's blockers, or Conflict where production, or
        anything else of what was `seen`, is not as the page showed it. The same key again answers the promotion it
        made.
        """
        require(actor, Right.APPROVE)
        require(actor, Right.PROMOTE)
        return self._promote(actor, version, expected_stable, reason, key, acknowledged, seen, approving=True)

    def promote(
        self,
        actor: Actor,
        version: ModelVersion,
        expected_stable: str,
        reason: str,
        key: str,
        seen: Seen | None = None,
    ) -> Promotion:
        """As `approve_and_promote`, for a version that was approved before: the approval has acknowledged for it."""
        require(actor, Right.PROMOTE)
        return self._promote(actor, version, expected_stable, reason, key, None, seen, approving=False)

    def _promote(
        self,
        actor: Actor,
        version: ModelVersion,
        expected_stable: str,
        reason: str,
        key: str,
        acknowledged: tuple[str, ...] | None,
        seen: Seen | None,
        *,
        approving: bool,
    ) -> Promotion:
        said, key = require_reason(reason), require_key(key)
        with self._store.writing() as transaction:
            now = self._clock()
            dossier = dossier_of(self._store, self._project, version, now)
            council = council_of(self._store, self._project, (actor.name,), now)
            situation = Situation(self._store, self._project)
            target = target_on(self._project.endpoint, dossier.version)
            # The same click again is not judged again: by now it may well be in its own way.
            found: tuple[Blocker, ...] = ()
            if self._store.promotions.find(key) is None:
                if approving:
                    require_may_approve(dossier, council, actor)
                require_may_promote(dossier, council, actor, approving=approving)
                same_production(situation, expected_stable)
                if seen is not None:
                    refuse_if_changed(seen, seen_of(dossier, situation.expected_stable))
                completes = approving and can_complete(dossier, council, actor)
                closed, judged = frozen(self._project.freeze, now), findings(dossier, situation.champion)
                found = situation.blockers(dossier, judged, target, closed, now, can_approve=completes)
                acknowledged = _admitted(dossier, found, acknowledged)
                judging.record(self._store, actor, dossier, situation.champion, judged, transaction)
            if dossier.rollout is None:
                raise PolicyDenied(f"{_cannot(version)}: its rollout plan has not been read.", ())
            if approving:
                approval = approval_of(dossier, actor, APPROVED, said, key + APPROVAL_SUFFIX, now, acknowledged or ())
                self._store.approvals.record(approval, approval_note(actor, approval, version.lineage), transaction)
            steps = plan.promote_plan(dossier.rollout, has_stable=situation.stable is not None)
            wanted = self._begin(actor, Kind.PROMOTE, target, steps, expected_stable, said, key)
            note = _requested(actor, wanted, _approvers(dossier, actor, approving=approving))
            begun = self._store.promotions.submit(wanted, note, transaction)
            past = tuple(blocker.what for blocker in found if blocker.overridden)
            if past and dossier.override is not None:
                self._store.audit.append(used_note(actor, dossier.override, past, begun.id, said), transaction)
            return begun

    def roll_back(
        self,
        actor: Actor,
        expected_stable: str,
        reason: str,
        key: str,
        to_version: str = "",
        within: Connection | None = None,
    ) -> Promotion:
        """Return production to an earlier version: the one before this one, or any that has served.

        Needs no fresh approval; a rejected or quarantined version is refused. Holds the endpoint against new
        promotions.
        """
        require(actor, Right.CONTROL)
        said, key = require_reason(reason), require_key(key)
        with self._store.database.writing(within) as transaction:
            known = self._store.promotions.find(key)
            situation = Situation(self._store, self._project)
            if known is None:
                same_production(situation, expected_stable)
            target = (
                known.target
                if known and not to_version
                else earlier_target(self._store, self._project.endpoint, to_version)
            )
            if known is None:
                refuse_rejected(self._store, target)
                refuse_quarantined(self._store, target)
            rollout = self._store.evidence.rollout(target.model, target.version)
            steps = plan.roll_back_plan(rollout, adopted=target.adopted)
            wanted = self._begin(actor, Kind.ROLL_BACK, target, steps, expected_stable, said, key)
            promotion = self._store.promotions.submit(wanted, _requested(actor, wanted), transaction)
            if known is None:
                hold = Hold(
                    endpoint=target.endpoint,
                    promotion=promotion.id,
                    reason=f"rolled back to v{target.version}: {said}",
                    set_by=actor.name,
                    set_at=self._clock(),
                )
                self._store.holds.set(hold, actor.channel, transaction)
                cause = f"a rollback to v{target.version} was asked for"
                self._store.retirements.cancel(target.endpoint, target.deployment, cause, transaction)
            return promotion

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

    def stage(
        self, actor: Actor, version: ModelVersion, reason: str, key: str, threshold: float | None = None
    ) -> Promotion:
        """Test a version on the test endpoint again, for fresh evidence against what serves now.

        At another `threshold`, strictly between 0 and 1, that is the choice of it: it is approved and served as tested.
        """
        require(actor, Right.APPROVE)
        said, key = require_reason(reason), require_key(key)
        dossier = dossier_of(self._store, self._project, version, self._clock())
        if dossier.quarantine is not None:
            why = f"Quarantine: {quarantined(version.version, dossier.quarantine)}"
            raise PolicyDenied(f"v{version.version} cannot be tested. {why}", (why,))
        chosen = dossier.version
        if threshold is not None:
            if not MOST_EXTREME <= threshold <= 1 - MOST_EXTREME:
                raise Invalid(f"A threshold lies between 0 and 1, by at least {MOST_EXTREME:g}; not {threshold:g}.")
            chosen = chosen.model_copy(update={"threshold": round(threshold, 4)})
        target = target_on(self._project.test_endpoint, chosen)
        wanted = self._begin(actor, Kind.STAGE, target, plan.stage_plan(), "", said, key)
        return self._store.promotions.submit(wanted, _requested(actor, wanted))

    def stable(self) -> str:
        """The deployment that serves production by the ledger, "" before the first: what `expected_stable` means."""
        return Situation(self._store, self._project).expected_stable

    def endings(self, endpoint: str) -> tuple[Retirement, ...]:
        """What is kept warm or left from a test, with the date of its end, soonest first."""
        return self._store.retirements.open(endpoint)

    def active(self, endpoint: str) -> Promotion | None:
        return self._store.promotions.active(endpoint)

    def get(self, promotion_id: str) -> Promotion:
        return self._store.promotions.get(promotion_id)

    def recent(self, limit: int = 50) -> tuple[Promotion, ...]:
        """Newest first."""
        return self._store.promotions.recent(limit)

    def ways_back(self) -> tuple[Success, ...]:
        """What has come to serve production, the latest first: what it can return to."""
        return self._store.promotions.successes(self._project.endpoint, WAYS_BACK)

    def worker_seen(self) -> datetime | None:
        """When any worker last gave a sign of life."""
        return self._store.heartbeats.latest()

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

    def _begin(
        self,
        actor: Actor,
        kind: Kind,
        target: Target,
        steps: tuple[Step, ...],
        expected_stable: str,
        reason: str,
        key: str,
    ) -> Promotion:
        return transitions.begin(
            key,
            kind,
            target,
            steps,
            by=actor.name,
            reason=reason,
            now=self._clock(),
            expected_stable=expected_stable,
        )


def _admitted(dossier: Dossier, found: tuple[Blocker, ...], acknowledged: tuple[str, ...] | None) -> tuple[str, ...]:
    """What this click acknowledges, or the approval that stands did, where a click brings none. Raises PolicyDenied."""
    what, approval = _cannot(dossier.version), standing_approval(dossier)
    deny(found, what)
    told = acknowledged if acknowledged is not None else approval.acknowledged if approval else ()
    return accepted(found, told, what)


def _cannot(version: ModelVersion) -> str:
    return f"v{version.version} cannot be promoted"


def same_production(situation: Situation, expected_stable: str) -> None:
    """Raises Conflict if production has moved since the page was drawn."""
    if expected_stable == situation.expected_stable:
        return
    now, seen = situation.expected_stable or "nothing", expected_stable or "nothing"
    raise Conflict(
        f"Production has moved: {situation.endpoint} serves {now} by the ledger, the page showed {seen}. Look again.",
        expected=expected_stable,
        actual=situation.expected_stable,
    )


def _approvers(dossier: Dossier, actor: Actor, *, approving: bool) -> tuple[str, ...]:
    """Whose approvals this promotion rests on: those that count at the click, and its own."""
    given = (approval.actor for approval in dossier.assent.counted)
    return tuple(dict.fromkeys((*([actor.name] if approving else []), *given)))


def _requested(actor: Actor, promotion: Promotion, approvers: tuple[str, ...] = ()) -> Note:
    return Note(
        actor=actor.name,
        channel=actor.channel,
        action=f"promotion.{promotion.kind.value.replace(' ', '_')}_requested",
        subject=f"promotion/{promotion.id}",
        reason=promotion.requested_reason,
        after=promotion.phase.value,
        detail={**wording.detail(promotion), **({"approvers": json.dumps(approvers)} if approvers else {})},
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
