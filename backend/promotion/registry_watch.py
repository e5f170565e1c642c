"""The registry is the hand-over from training: every new version is tested on the test endpoint by itself."""

from __future__ import annotations

import hashlib

from backend.domain.approvals import APPROVED
from backend.domain.clock import Clock
from backend.domain.promotions import Kind, Promotion, Target
from backend.domain.registry import ModelVersion
from backend.errors import Conflict
from backend.promotion import transitions, wording
from backend.promotion.plan import stage_plan
from backend.promotion.target import target_on
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

WORKER = "worker"


class RegistryWatch:
    """Submits tests; the engine runs them. Several may watch: the same test has the same id."""

    def __init__(self, store: Store, project: Project, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def look(self, versions: tuple[ModelVersion, ...]) -> Promotion | None:
        """Begin the next test that is due, given the registered versions; None if there is none or one is running.

        Due are the versions newer than any tested before, oldest first (on the first look only the newest); then
        the newest version again, if production has moved on and it was never compared with what serves now.
        """
        if self._store.promotions.active(self._project.test_endpoint) is not None:
            return None
        usable = sorted((v for v in versions if _usable(v)), key=lambda v: v.created_at)
        stable = self._store.promotions.stable(self._project.endpoint)
        champion = stable.target if stable else None
        version, reason = self._next(usable, champion)
        return None if version is None else self._submit(version, champion, reason)

    def _next(self, usable: list[ModelVersion], champion: Target | None) -> tuple[ModelVersion | None, str]:
        if not usable:
            return None, ""
        tested = self._store.promotions.staged_versions(self._project.model)
        known = [v.created_at for v in usable if v.version in tested]
        new = [v for v in usable if v.created_at > max(known)] if known else usable[-1:]
        new = [v for v in new if not self._quarantined(v)]
        if new and new[0].version not in tested:
            return new[0], f"v{new[0].version} was registered by run {new[0].lineage.run}."
        newest = usable[-1]
        if champion is not None and self._outdated(newest, champion):
            return newest, f"Production serves v{champion.version} now; v{newest.version} was never compared with it."
        return None, ""

    def _outdated(self, version: ModelVersion, champion: Target) -> bool:
        if champion.digest == version.digest or self._store.promotions.active(self._project.endpoint) is not None:
            return False
        if self._quarantined(version):
            return False
        latest = next(iter(self._store.approvals.of_version(version.name, version.version)), None)
        if latest is not None and latest.decision != APPROVED:
            return False
        return not any(
            e.comparison is not None and e.comparison.champion.digest == champion.digest
            for e in self._store.evidence.of_version(version.name, version.version)
        )

    def _quarantined(self, version: ModelVersion) -> bool:
        return self._store.quarantines.on(version.name, version.version, version.digest) is not None

    def _submit(self, version: ModelVersion, champion: Target | None, reason: str) -> Promotion | None:
        target = target_on(self._project.test_endpoint, version)
        key = stage_key(target, champion)
        if self._store.promotions.find(key) is not None:
            return None
        wanted = transitions.begin(key, Kind.STAGE, target, stage_plan(), by=WORKER, reason=reason, now=self._clock())
        note = Note(
            actor=WORKER,
            channel=WORKER,
            action="promotion.stage_requested",
            subject=f"promotion/{key}",
            reason=reason,
            after=wanted.phase.value,
            detail=wording.detail(wanted),
        )
        try:
            return self._store.promotions.submit(wanted, note)
        except Conflict:
            # Another worker was quicker; its test is the one that runs.
            return None


def stage_key(target: Target, champion: Target | None) -> str:
    """The same version against the same champion is one test."""
    against = f"{champion.deployment}\n{champion.digest}" if champion else ""
    made_of = f"{target.model}\n{target.deployment}\n{target.digest}\n{against}"
    return f"stage-v{target.version}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"


def _usable(version: ModelVersion) -> bool:
    """Whether the version came through the pipeline: one without digest or run can be neither verified nor deployed."""
    return bool(version.digest and version.lineage.run and version.lineage.environment) and not version.archived
