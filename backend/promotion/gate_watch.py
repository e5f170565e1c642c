"""The gate file on the default branch: when it changes, what was judged by the old one is stale."""

from __future__ import annotations

from backend.domain.gates import GATES_PATH
from backend.gateways.github.contents import Contents
from backend.policy.gate_file import gates_digest
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note


class GateWatch:
    """Looks at the head of the default branch, as often as it is asked to."""

    def __init__(self, store: Store, contents: Contents, project: Project) -> None:
        self._store = store
        self._contents = contents
        self._project = project

    def look(self) -> bool:
        """Whether the file has changed since the last look; the ledger says from what to what."""
        content = self._contents.file(GATES_PATH, self._project.default_branch)
        if content is None:
            return False
        note = Note(
            actor="worker",
            channel="worker",
            action="gates.changed",
            subject=f"file/{GATES_PATH}",
            reason=f"{GATES_PATH} on {self._project.default_branch} has changed",
        )
        return self._store.watched.saw(GATES_PATH, gates_digest(content), note)
