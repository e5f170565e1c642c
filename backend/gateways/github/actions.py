"""Workflow runs of a commit: which failed, running them again, and the logs of their jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.rows import moment

LOG_BYTES = 64_000
"""The end of a log, where a failed job says why it failed."""
PAGE = 20
FAILED = {"failure", "cancelled", "timed_out", "startup_failure"}
STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ", re.MULTILINE)
"""What GitHub writes before each line of a job's log."""


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """The newest attempt of a run; `conclusion` is "" until it has completed."""

    id: int
    name: str
    completed: bool
    conclusion: str
    started_at: datetime
    path: str

    @property
    def failed(self) -> bool:
        return self.conclusion in FAILED


class Actions:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def runs_of(self, sha: str) -> tuple[WorkflowRun, ...]:
        """The newest run of each workflow on a commit."""
        found = self._connection.pages(
            "{repo}/actions/runs", "read a commit's workflow runs", "workflow_runs", head_sha=sha
        )
        newest: dict[str, WorkflowRun] = {}
        for run in sorted(map(_run, found), key=lambda run: run.id):
            newest[run.path] = run
        return tuple(newest.values())

    def under_way(self, branch: str) -> tuple[WorkflowRun, ...]:
        """Runs of pushes to a branch that have not ended."""
        found: list[WorkflowRun] = []
        for status in ("in_progress", "queued"):
            answer = self._connection.get(
                "{repo}/actions/runs",
                "read what runs on a branch",
                branch=branch,
                event="push",
                status=status,
                per_page=PAGE,
            )
            found += map(_run, answer["workflow_runs"])
        return tuple(found)

    def dispatched(self, branch: str, path: str) -> tuple[WorkflowRun, ...]:
        """Runs of one workflow that somebody asked for on a branch, the newest first."""
        answer = self._connection.get(
            "{repo}/actions/runs",
            "read the runs that were asked for",
            branch=branch,
            event="workflow_dispatch",
            per_page=PAGE,
        )
        found = [run for run in map(_run, answer["workflow_runs"]) if run.path.partition("@")[0] == path]
        return tuple(sorted(found, key=lambda run: run.id, reverse=True))

    def dispatch(self, branch: str, file: str) -> None:
        """Run a workflow on a branch, as its `workflow_dispatch` allows. GitHub answers before the run is there."""
        path = f"{{repo}}/actions/workflows/{file}/dispatches"
        self._connection.send("POST", path, "start a workflow", {"ref": branch})

    def run_failed_again(self, id_: int) -> None:
        """Run the failed jobs of a completed run again, and those that depend on them."""
        path = f"{{repo}}/actions/runs/{id_}/rerun-failed-jobs"
        self._connection.send("POST", path, "run the failed checks again", {})

    def log(self, job: int) -> str:
        """The end of a job's log, without the time before each line. Raises NotFound where GitHub keeps it no more."""
        text = self._connection.tail(f"{{repo}}/actions/jobs/{job}/logs", "read a job's log", LOG_BYTES)
        return STAMP.sub("", text)


def _run(item: Mapping[str, Any]) -> WorkflowRun:
    return WorkflowRun(
        id=item["id"],
        name=item["name"] or item["path"],
        completed=item["status"] == "completed",
        conclusion=item.get("conclusion") or "",
        started_at=moment(item.get("run_started_at") or item["created_at"]),
        path=item["path"],
    )
