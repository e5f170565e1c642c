"""Taking over an endpoint that serves already: what it serves becomes the champion, and is said to be unproven."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from backend.domain.clock import Clock
from backend.domain.endpoints import Deployment, Endpoint
from backend.domain.people import Actor, Right
from backend.domain.promotions import ADOPTED, Kind, Phase, Promotion, Target
from backend.domain.registry import ModelVersion
from backend.errors import Conflict, NotFound
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.azureml.model_folder import read_folder
from backend.gateways.azureml.models import Models
from backend.operations.authorise import require, require_reason
from backend.promotion import transitions, wording
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note


class Adopting:
    """Reads the endpoint and the registry; writes our own records and nothing else."""

    def __init__(self, store: Store, project: Project, endpoints: Endpoints, models: Models, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._endpoints = endpoints
        self._models = models
        self._clock = clock

    def adopt(self, actor: Actor, reason: str) -> Promotion:
        """Record the deployment that has all traffic of the production endpoint as what serves by the ledger.

        Its name stays, blue or otherwise. The digest is that of the registered files, computed now. Adopted again, it
        is the same record. Raises NotFound where nothing serves, and Conflict where a rollout is under way, something
        of ours serves, or the registered files are not those that were registered.
        """
        require(actor, Right.PROMOTE)
        said = require_reason(reason)
        target = self._target(self._live())
        with self._store.writing() as transaction:
            known = self._store.promotions.stable(target.endpoint)
            if known is not None:
                return _same(known, target)
            if self._store.promotions.active(target.endpoint) is not None:
                raise Conflict(f"A promotion is under way on {target.endpoint}.", expected="none", actual="one")
            wanted = self._record(actor, target, said)
            note = Note(
                actor=actor.name,
                channel=actor.channel,
                action="promotion.adopted",
                subject=f"promotion/{wanted.id}",
                reason=said,
                after=wanted.phase.value,
                detail=wording.detail(wanted),
            )
            return self._store.promotions.submit(wanted, note, transaction)

    def _live(self) -> Deployment:
        name = self._project.endpoint
        endpoint = self._endpoints.get(name)
        found = _whole(endpoint) if endpoint is not None else None
        if endpoint is None or not any(endpoint.traffic.values()):
            raise NotFound(f"Nothing serves on {name}, so there is nothing to adopt: promote the first version.")
        if found is None:
            split = ", ".join(f"{deployment} {weight} %" for deployment, weight in sorted(endpoint.traffic.items()))
            raise Conflict(
                f"The traffic of {name} is split ({split}): end that rollout first, so that one deployment has 100 %.",
                expected="one deployment with 100 %",
                actual=split,
            )
        return found

    def _target(self, deployment: Deployment) -> Target:
        version = self._models.get(deployment.model, deployment.version)
        with tempfile.TemporaryDirectory() as folder:
            digest = read_folder(self._models.download(version.name, version.version, Path(folder))).digest
        if version.digest and version.digest != digest:
            raise Conflict(
                f"{version.name} v{version.version} holds other files than were registered: nothing of it is adopted.",
                expected=version.digest,
                actual=digest,
            )
        return Target(
            endpoint=deployment.endpoint,
            model=version.name,
            version=version.version,
            digest=digest,
            threshold=_threshold(deployment, version),
            environment=deployment.environment,
            deployment=deployment.name,
            commit=version.lineage.commit,
            run=ADOPTED,
        )

    def _record(self, actor: Actor, target: Target, reason: str) -> Promotion:
        now = self._clock()
        made_of = hashlib.sha256(f"{target.endpoint}\n{target.deployment}\n{target.digest}".encode()).hexdigest()[:12]
        begun = transitions.begin(
            f"adopt-v{target.version}-{made_of}", Kind.ADOPT, target, (), by=actor.name, reason=reason, now=now
        )
        serves = (
            f"{target.endpoint} serves v{target.version} as {target.deployment}, as it did before the console came."
        )
        return begun.model_copy(update={"phase": Phase.SUCCEEDED, "reason": serves, "finished_at": now})


def _whole(endpoint: Endpoint) -> Deployment | None:
    """The deployment that has all traffic."""
    live = [name for name, weight in endpoint.traffic.items() if weight == 100]
    return endpoint.deployment(live[0]) if live else None


def _threshold(deployment: Deployment, version: ModelVersion) -> float:
    """The one it is started with, else the registered one; the reference's is one half."""
    try:
        return float(deployment.variables["MLOPS_THRESHOLD"])
    except (KeyError, ValueError):
        return version.threshold


def _same(known: Promotion, target: Target) -> Promotion:
    """The record there is, if it says what serves. Raises Conflict where the ledger knows of something else."""
    if known.target.deployment == target.deployment and known.target.digest == target.digest:
        return known
    raise Conflict(
        f"By the ledger v{known.target.version} ({known.target.deployment}) serves {target.endpoint}: what was changed "
        "there since is an unexplained event, and not adopted.",
        expected=known.target.deployment,
        actual=target.deployment,
    )
