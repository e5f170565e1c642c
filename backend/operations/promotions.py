"""Asking for a promotion, a rollback or a test. Every verb only writes our database; the worker does the rest."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection

from backend.domain.clock import Clock
from backend.domain.decisions import Decision, Seen
from backend.domain.endpoints import Endpoint
from backend.domain.people import Actor, Right
from backend.domain.promotions import Hold, Kind, Promotion, Retirement, Step, Success, Target
from backend.domain.registry import ModelVersion
from backend.domain.telemetry import Traffic
from backend.errors import Invalid, PolicyDenied
from backend.operations.admission import Click, admit, same_production
from backend.operations.authorise import require, require_key, require_reason
from backend.operations.decision import Live, Situation, decide, dossier_of
from backend.operations.overrides import used_note
from backend.operations.way_back import earlier_target, refuse_quarantined, refuse_rejected
from backend.policy.approval import quarantined
from backend.promotion import plan, transitions, wording
from backend.promotion.target import target_on
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

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
        return self._promote(
            Click(
                actor=actor,
                version=version,
                expected_stable=expected_stable,
                reason=require_reason(reason),
                key=require_key(key),
                acknowledged=acknowledged,
                seen=seen,
                approving=True,
            )
        )

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
        return self._promote(
            Click(
                actor=actor,
                version=version,
                expected_stable=expected_stable,
                reason=require_reason(reason),
                key=require_key(key),
                acknowledged=None,
                seen=seen,
                approving=False,
            )
        )

    def _promote(self, click: Click) -> Promotion:
        with self._store.writing() as transaction:
            admitted = admit(self._store, self._project, click, self._clock(), transaction)
            steps = plan.promote_plan(admitted.rollout, has_stable=admitted.situation.stable is not None)
            wanted = self._begin(
                click.actor, Kind.PROMOTE, admitted.target, steps, click.expected_stable, click.reason, click.key
            )
            note = _requested(click.actor, wanted, admitted.approvers(click))
            begun = self._store.promotions.submit(wanted, note, transaction)
            override = admitted.dossier.override
            if admitted.overridden and override is not None:
                used = used_note(click.actor, override, admitted.overridden, begun.id, click.reason)
                self._store.audit.append(used, transaction)
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
