"""Runs of both workspaces."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from backend.domain.people import Actor, Right
from backend.domain.runs import Run, RunDetail
from backend.errors import NotFound
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.azureml.runs import Runs as TrackedRuns
from backend.operations.authorise import require, require_reason
from backend.store import Store
from backend.store.audit import Note

BEGINNING = datetime.fromtimestamp(0, UTC)


class Runs:
    def __init__(self, workspaces: Mapping[str, Workspace], store: Store) -> None:
        self._tracked = {name: TrackedRuns(workspace) for name, workspace in workspaces.items()}
        self._jobs = {name: Jobs(workspace) for name, workspace in workspaces.items()}
        self._store = store

    def search(self, limit: int = 500) -> tuple[Run, ...]:
        """The newest runs of all workspaces, newest first; each workspace is asked at the same time."""
        with ThreadPoolExecutor(max_workers=len(self._tracked), thread_name_prefix="runs") as pool:
            answers = pool.map(lambda runs: runs.search(limit), self._tracked.values())
            found = [run for answer in answers for run in answer]
        found.sort(key=lambda run: run.started_at or BEGINNING, reverse=True)
        return tuple(found[:limit])

    def detail(self, workspace: str, run_id: str) -> RunDetail:
        """A run with curves, bands and the tail of its log. Raises NotFound."""
        self._known(workspace)
        return self._tracked[workspace].detail(run_id)

    def cancel(self, actor: Actor, workspace: str, run_id: str, reason: str) -> None:
        """Ask the service to stop the run, and say so in the ledger. Raises NotPermitted, NotFound."""
        require(actor, Right.MANAGE_RUNS)
        why = require_reason(reason)
        self._known(workspace)
        before = self._jobs[workspace].state(run_id)
        self._jobs[workspace].cancel(run_id)
        self._store.audit.append(
            Note(
                actor=actor.name,
                channel=actor.channel,
                action="run.cancel",
                subject=f"run/{run_id}",
                reason=why,
                before=before.value,
                after="cancellation asked for",
                detail={"workspace": workspace},
            )
        )

    def _known(self, workspace: str) -> None:
        if workspace not in self._tracked:
            raise NotFound(f"There is no workspace {workspace}; the declared ones are {', '.join(self._tracked)}.")
