"""Model versions: listing, what is known of one, and the decision about it."""

from __future__ import annotations

from backend.domain.clock import Clock
from backend.domain.decisions import Dossier
from backend.domain.gates import Finding
from backend.domain.people import Actor, Right
from backend.domain.registry import Approval, ModelVersion
from backend.gateways.azureml.models import Models as Registry
from backend.operations import judging
from backend.operations.approvals import accepted, approval_note, approval_of, deny
from backend.operations.authorise import require, require_independence, require_key, require_reason
from backend.operations.decision import Situation, compared_with, dossier_of
from backend.policy import blockers
from backend.policy.findings import findings
from backend.settings import Project
from backend.store import Store


class Models:
    """The versions of one project's model. Only `versions` reaches the network."""

    def __init__(self, store: Store, project: Project, registry: Registry, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._registry = registry
        self._clock = clock

    def versions(self) -> tuple[ModelVersion, ...]:
        """Registered versions, newest first."""
        return self._registry.versions(self._project.model)

    def dossier(self, version: ModelVersion) -> Dossier:
        return dossier_of(self._store, self._project, version)

    def findings(self, version: ModelVersion) -> tuple[Finding, ...]:
        """Every check's word about a version, against what it was or would be compared with."""
        dossier = self.dossier(version)
        return findings(dossier, compared_with(self._store, self._project, dossier))

    def approve(
        self, actor: Actor, version: ModelVersion, reason: str, key: str, acknowledged: tuple[str, ...] = ()
    ) -> Approval:
        """Approve a version for production without promoting it; `acknowledged` names advisory gates.

        Raises NotPermitted (the author of the change included), Invalid, or PolicyDenied with the blockers that
        concern the version, or with the advisory gates that did not pass and are not acknowledged.
        """
        require(actor, Right.APPROVE)
        require_independence(actor, version, self._store.tokens.login(actor.name))
        said, key = require_reason(reason), require_key(key)
        with self._store.writing() as transaction:
            dossier = self.dossier(version)
            again = next((approval for approval in dossier.approvals if approval.id == key), None)
            if again is None:
                what = f"v{version.version} cannot be approved"
                champion = Situation(self._store, self._project).champion
                found = blockers.of_version(dossier, champion)
                deny(found, what)
                acknowledged = accepted(found, acknowledged, what)
                judging.record(self._store, actor, dossier, champion, transaction)
            else:
                acknowledged = again.acknowledged
            approval = approval_of(dossier, actor, "approved", said, key, self._clock(), acknowledged)
            return self._store.approvals.record(approval, approval_note(actor, approval, version.lineage), transaction)

    def reject(self, actor: Actor, version: ModelVersion, reason: str, key: str) -> Approval:
        """Refuse a version: it can be neither promoted nor rolled back to until another lead decides anew.

        A version that is serving keeps serving; rolling back is a decision of its own.
        """
        require(actor, Right.APPROVE)
        said, key = require_reason(reason), require_key(key)
        approval = approval_of(self.dossier(version), actor, "rejected", said, key, self._clock())
        return self._store.approvals.record(approval, approval_note(actor, approval, version.lineage))
