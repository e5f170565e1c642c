"""Model versions: listing, what is known of one, and the decision about it."""

from __future__ import annotations

from enum import StrEnum

from backend.domain.approvals import APPROVED, CHANGES_REQUESTED, REJECTED
from backend.domain.clock import Clock
from backend.domain.decisions import Dossier, Seen
from backend.domain.gates import Finding
from backend.domain.people import Actor, Right
from backend.domain.promotions import Promotion, Target
from backend.domain.registry import Approval, ModelVersion
from backend.errors import Invalid
from backend.gateways.azureml.models import Models as Registry
from backend.operations import judging
from backend.operations.approvals import accepted, approval_note, approval_of, deny
from backend.operations.authorise import LONGEST_REASON, require, require_key, require_reason
from backend.operations.council import council_of, require_may_approve
from backend.operations.decision import Situation, compared_with, dossier_of
from backend.operations.promotions import Promotions
from backend.operations.steering import Steering
from backend.policy import blockers
from backend.policy.findings import findings
from backend.policy.seen import refuse_if_changed, seen_of
from backend.promotion.transitions import rolling_back
from backend.settings_project import Project
from backend.store import Store

ROLL_BACK_SUFFIX = "-rollback"


class WhenServing(StrEnum):
    """What should happen to production when the version that serves it, or is on its way there, is rejected."""

    KEEP = "keep"
    ROLL_BACK = "roll back"


class Models:
    """The versions of one project's model. Only `versions` reaches the network."""

    def __init__(
        self,
        store: Store,
        project: Project,
        registry: Registry,
        promotions: Promotions,
        steering: Steering,
        clock: Clock,
    ) -> None:
        self._store = store
        self._project = project
        self._registry = registry
        self._promotions = promotions
        self._steering = steering
        self._clock = clock

    def versions(self) -> tuple[ModelVersion, ...]:
        """Registered versions, newest first."""
        return self._registry.versions(self._project.model)

    def dossier(self, version: ModelVersion) -> Dossier:
        return dossier_of(self._store, self._project, version, self._clock())

    def findings(self, version: ModelVersion) -> tuple[Finding, ...]:
        """Every check's word about a version, against what it was or would be compared with."""
        dossier = self.dossier(version)
        return findings(dossier, compared_with(self._store, self._project, dossier))

    def approve(
        self,
        actor: Actor,
        version: ModelVersion,
        reason: str,
        key: str,
        acknowledged: tuple[str, ...] = (),
        seen: Seen | None = None,
    ) -> Approval:
        """Approve a version for production without promoting it; `acknowledged` names advisory gates.

        One of as many as the project's rules ask for. Raises NotPermitted (whoever made the change included), Invalid,
        PolicyDenied with the blockers that concern the version, or with the advisory gates that did not pass and are
        not acknowledged, or Conflict where what was `seen` has changed.
        """
        require(actor, Right.APPROVE)
        said, key = require_reason(reason), require_key(key)
        with self._store.writing() as transaction:
            dossier = self.dossier(version)
            require_may_approve(dossier, council_of(self._store, self._project, (actor.name,), self._clock()), actor)
            again = next((approval for approval in dossier.approvals if approval.id == key), None)
            if again is None:
                what = f"v{version.version} cannot be approved"
                situation = Situation(self._store, self._project)
                if seen is not None:
                    refuse_if_changed(seen, seen_of(dossier, situation.expected_stable))
                judged = findings(dossier, situation.champion)
                found = blockers.of_version(dossier, situation.champion, judged)
                deny(found, what)
                acknowledged = accepted(found, acknowledged, what)
                judging.record(self._store, actor, dossier, situation.champion, judged, transaction)
            else:
                acknowledged = again.acknowledged
            approval = approval_of(dossier, actor, APPROVED, said, key, self._clock(), acknowledged)
            return self._store.approvals.record(approval, approval_note(actor, approval, version.lineage), transaction)

    def reject(
        self, actor: Actor, version: ModelVersion, reason: str, key: str, serving: WhenServing | None = None
    ) -> Approval:
        """Refuse a version: it can be neither promoted nor rolled back to until another lead decides anew.

        Of a version that serves production, or is being promoted, `serving` says what becomes of it: it stays or goes
        on, or both decisions are recorded and production returns to the version before. Nothing is rolled back or
        aborted unasked: raises Invalid without it.
        """
        require(actor, Right.APPROVE)
        said, key = require_reason(reason), require_key(key)
        with self._store.writing() as transaction:
            stable = self._store.promotions.stable(self._project.endpoint)
            known = any(a.id == key for a in self._store.approvals.of_version(version.name, version.version))
            serves = stable is not None and _is(stable.target, version)
            active = self._on_its_way(version)
            if serving is None and not known and (serves or active is not None):
                raise Invalid(self._asks(version, serves=serves))
            approval = self._decision(actor, version, REJECTED, said, key)
            recorded = self._store.approvals.record(
                approval, approval_note(actor, approval, version.lineage), transaction
            )
            if known or serving is not WhenServing.ROLL_BACK:
                return recorded
            why = f"v{version.version} was rejected: {said}"[:LONGEST_REASON]
            if active is not None:
                self._steering.abort(actor, active.id, why, within=transaction)
            elif serves and stable is not None:
                self._promotions.roll_back(
                    actor, stable.target.deployment, why, key + ROLL_BACK_SUFFIX, within=transaction
                )
            return recorded

    def _on_its_way(self, version: ModelVersion) -> Promotion | None:
        """The promotion or rollback that is bringing the version to production now."""
        active = self._store.promotions.active(self._project.endpoint)
        return active if active is not None and _is(active.target, version) and not rolling_back(active) else None

    def _asks(self, version: ModelVersion, *, serves: bool) -> str:
        where = f"v{version.version} {'serves' if serves else 'is on its way to'} {self._project.endpoint}."
        return (
            f"{where} Say what should happen: {'keep it serving' if serves else 'let it go on'}, or roll back at once."
        )

    def request_changes(self, actor: Actor, version: ModelVersion, reason: str, key: str) -> Approval:
        """Say what the author should do first: the version waits for a new decision. Production stays as it is."""
        require(actor, Right.APPROVE)
        said, key = require_reason(reason), require_key(key)
        with self._store.writing() as transaction:
            approval = self._decision(actor, version, CHANGES_REQUESTED, said, key)
            return self._store.approvals.record(approval, approval_note(actor, approval, version.lineage), transaction)

    def _decision(self, actor: Actor, version: ModelVersion, decision: str, reason: str, key: str) -> Approval:
        return approval_of(self.dossier(version), actor, decision, reason, key, self._clock())


def _is(target: Target, version: ModelVersion) -> bool:
    return (target.model, target.version) == (version.name, version.version)
