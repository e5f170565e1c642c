"""Collected inputs of production, deleted once they are old enough; the ledger says how many and up to when."""

from __future__ import annotations

from datetime import timedelta

from backend.domain.clock import Clock
from backend.gateways.azureml.collected import CollectedInputs
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

ACTION = "inputs.deleted"
MOST = 500
"""Blobs in one sweep; what is left waits for the next."""


class Retention:
    def __init__(self, store: Store, collected: CollectedInputs, project: Project, clock: Clock) -> None:
        self._store = store
        self._collected = collected
        self._project = project
        self._clock = clock

    def sweep(self) -> int:
        """Delete what is older than `keep_collected_days`, with its outcomes, whether or not anything is collected now.

        Answers how many blobs that were.

        Repeated after a crash it deletes what is left, and records that; two workers delete each blob once.
        """
        endpoint, days = self._project.endpoint, self._project.keep_collected_days
        before = self._clock() - timedelta(days=days)
        deleted = 0
        try:
            for name in self._collected.older(endpoint, before, MOST):
                deleted += self._collected.delete(name)
            self._store.labels.forget(before)
        finally:
            if deleted:
                self._record(endpoint, deleted, before.isoformat(timespec="seconds"))
        return deleted

    def _record(self, endpoint: str, blobs: int, before: str) -> None:
        days = self._project.keep_collected_days
        note = Note(
            actor="worker",
            channel="worker",
            action=ACTION,
            subject=f"endpoint/{endpoint}",
            reason=f"Collected inputs are kept for {days:g} days.",
            detail={"blobs": blobs, "before": before},
        )
        self._store.audit.append(note)
