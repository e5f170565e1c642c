"""The dossier of a release: all our records about a version, and the ledger rows that concern it, as one file."""

from __future__ import annotations

from backend.domain.audit import AuditEntry
from backend.domain.clock import Clock
from backend.domain.decisions import Dossier
from backend.domain.registry import ModelVersion
from backend.domain.release import Release
from backend.operations.decision import compared_with, dossier_of
from backend.operations.dossier_html import page
from backend.policy.findings import findings
from backend.settings import Project
from backend.store import Store

MOST = 10_000
"""Ledger rows of one subject; a promotion has about forty."""


class Releases:
    """Reads our own records only; nothing here needs a service."""

    def __init__(self, store: Store, project: Project, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def release(self, version: ModelVersion) -> Release:
        dossier = dossier_of(self._store, self._project, version, self._clock())
        if dossier.promotions:
            # What was decided then is told as it counted then: an approval that has ended since had not.
            dossier = dossier_of(self._store, self._project, version, dossier.promotions[0].created_at)
        newest = self._store.audit.entries(limit=1)
        return Release(
            dossier=dossier,
            repository=self._project.repository,
            endpoint=self._project.endpoint,
            findings=findings(dossier, compared_with(self._store, self._project, dossier)),
            rows=self._rows(dossier),
            ledger=self._store.audit.verify(),
            head=newest[0].hash if newest else "",
            made_at=self._clock(),
        )

    def dossier_file(self, version: ModelVersion) -> bytes:
        """One self-contained HTML file, with the hash of its content below it."""
        return page(self.release(version))

    def _rows(self, dossier: Dossier) -> tuple[AuditEntry, ...]:
        found = [
            entry for about in _subjects(dossier) for entry in self._store.audit.entries(limit=MOST, subject=about)
        ]
        return tuple(sorted(found, key=lambda entry: entry.sequence))


def _subjects(dossier: Dossier) -> tuple[str, ...]:
    version = dossier.version
    pull = version.lineage.pull_request
    promotions = (*dossier.promotions, *((dossier.staging,) if dossier.staging else ()))
    places = {f"deployment/{p.target.endpoint}/{p.target.deployment}": None for p in promotions}
    return (
        f"model/{version.name}:{version.version}",
        *((f"pull_request/{pull}",) if pull else ()),
        *(f"promotion/{promotion.id}" for promotion in promotions),
        *places,
    )
