"""The environments that versions run in: one that changes under its name stops what was tested in the one before."""

from __future__ import annotations

from backend.domain.promotions import Promotion
from backend.domain.supply_chain import watched_environment
from backend.gateways.azureml.assets import Assets
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

GONE = "gone"


class EnvironmentWatch:
    """Looks at the environments of what serves and of what was tested last."""

    def __init__(self, store: Store, assets: Assets, project: Project) -> None:
        self._store = store
        self._assets = assets
        self._project = project

    def look(self) -> bool:
        """Whether one of them has changed since the last look; the ledger says from what to what."""
        changed = [self._look_at(asset) for asset in sorted(self._of_interest())]
        return any(changed)

    def _of_interest(self) -> set[str]:
        endpoints = (self._project.endpoint, self._project.test_endpoint)
        known: list[Promotion | None] = [self._store.promotions.stable(name) for name in endpoints]
        return {promotion.target.environment for promotion in known if promotion and promotion.target.environment}

    def _look_at(self, asset: str) -> bool:
        definition = self._assets.definition(asset)
        name = watched_environment(asset)
        note = Note(
            actor="worker",
            channel="worker",
            action="environment.changed",
            subject=name,
            reason=f"how {name.removeprefix('environment/')} is defined, where a worker saw it change",
        )
        return self._store.watched.saw(name, definition.digest if definition else GONE, note)
