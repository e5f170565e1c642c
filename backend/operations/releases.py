"""The dossier of a release: all our records about a version, and the ledger rows that concern it, as one file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from backend.domain.audit import AuditEntry
from backend.domain.clock import Clock
from backend.domain.decisions import Dossier
from backend.domain.model_card import CardDifference, ModelCard
from backend.domain.promotions import Kind
from backend.domain.registry import ModelVersion
from backend.domain.release import Release
from backend.errors import NotFound
from backend.operations.card_html import card_page
from backend.operations.decision import compared_with, dossier_of
from backend.operations.dossier_html import page
from backend.policy.bill_of_materials import bill_of_materials
from backend.policy.blockers import supply_of
from backend.policy.findings import findings
from backend.policy.model_card import difference, model_card
from backend.settings_project import Project
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
        dossier = dossier_of(self._store, self._project, version, self._decided(version))
        champion = compared_with(self._store, self._project, dossier)
        newest = self._store.audit.entries(limit=1)
        return Release(
            dossier=dossier,
            repository=self._project.repository,
            endpoint=self._project.endpoint,
            findings=findings(dossier, champion),
            card=model_card(dossier, champion, self._clock()),
            rows=self._rows(dossier),
            ledger=self._store.audit.verify(),
            head=newest[0].hash if newest else "",
            made_at=self._clock(),
        )

    def _decided(self, version: ModelVersion) -> datetime:
        """What was decided is told as it counted then: an approval that has ended since had not."""
        history = self._store.promotions.of_version(version.name, version.version)
        return next((p.created_at for p in history if p.kind is not Kind.STAGE), self._clock())

    def _dossier(self, version: ModelVersion) -> Dossier:
        return dossier_of(self._store, self._project, version, self._clock())

    def dossier_file(self, version: ModelVersion) -> bytes:
        """One self-contained HTML file, with the hash of its content below it."""
        return page(self.release(version))

    def card(self, version: ModelVersion) -> ModelCard:
        """The version's model card as its records are now."""
        dossier = self._dossier(version)
        return model_card(dossier, compared_with(self._store, self._project, dossier), self._clock())

    def compared_with(self, version: ModelVersion, others: Iterable[ModelVersion]) -> ModelVersion | None:
        """Of `others`, the version whose card this one's is held against: what it was, or would be, compared with."""
        champion = compared_with(self._store, self._project, self._dossier(version))
        if champion is None:
            return None
        return next((o for o in others if o.version == champion.version and o.version != version.version), None)

    def difference(self, version: ModelVersion, other: ModelVersion) -> CardDifference:
        """The version's card against the other's, field by field."""
        return difference(self.card(other), self.card(version))

    def card_file(self, version: ModelVersion, other: ModelVersion | None = None) -> bytes:
        """The card as one self-contained HTML file; with `other`, what differs from that version's stands first."""
        return card_page(self.card(version), self.difference(version, other) if other else None)

    def has_sbom(self, version: ModelVersion) -> bool:
        """Whether a test has looked at what the version is made of."""
        return supply_of(self._dossier(version)) is not None

    def sbom(self, version: ModelVersion) -> bytes:
        """What the version is made of as CycloneDX JSON. Raises NotFound where it has not been looked at."""
        dossier = self._dossier(version)
        found = supply_of(dossier)
        if found is None:
            raise NotFound(f"v{version.version} has not been tested yet, so its files are not known.")
        return json.dumps(bill_of_materials(dossier.version, found, self._clock()), indent=2).encode() + b"\n"

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
