"""Runs through the tracking API of one workspace."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from backend.domain.runs import Curve, Run, RunDetail, RunState
from backend.errors import NotFound
from backend.gateways.azureml.artefacts import Artefacts
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.errors import azureml

PAGE = 500

STATES = {
    "RUNNING": RunState.RUNNING,
    "SCHEDULED": RunState.QUEUED,
    "FINISHED": RunState.COMPLETED,
    "FAILED": RunState.FAILED,
    "KILLED": RunState.CANCELLED,
}
"""MLflow's run statuses (`mlflow.entities.RunStatus`)."""

INTERNAL = ("mlflow.", "azureml.", "_azureml")
"""Tags the services write for themselves."""


class Runs:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._artefacts = Artefacts(workspace)

    def search(self, limit: int = 500) -> tuple[Run, ...]:
        """Runs of every experiment, newest first."""
        client = self._workspace.tracking()
        with azureml("list runs"):
            experiments = {e.experiment_id: e.name for e in _pages(client.search_experiments, limit=1000)}
            if not experiments:
                return ()
            found = _pages(
                client.search_runs,
                experiment_ids=list(experiments),
                order_by=["attributes.start_time DESC"],
                limit=limit,
            )
        return tuple(as_run(run, experiments.get(run.info.experiment_id, ""), self._workspace.name) for run in found)

    def get(self, run_id: str) -> Run:
        client = self._workspace.tracking()
        with azureml("read a run"):
            run = client.get_run(run_id)
            experiment = client.get_experiment(run.info.experiment_id)
        return as_run(run, experiment.name, self._workspace.name)

    def detail(self, run_id: str, log_lines: int = 200) -> RunDetail:
        """The run with its evidence folder and the tail of its log; parts it has not written are left empty."""
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="run-detail") as pool:
            curves = pool.submit(self._json, run_id, "evidence/curves.json")
            bands = pool.submit(self._json, run_id, "evidence/bands.json")
            log = pool.submit(self._artefacts.log_tail, run_id, log_lines)
            run = self.get(run_id)
            return RunDetail(
                run=run,
                curves=as_curves(curves.result()),
                bands=tuple(bands.result() or ()),
                log_tail=log.result(),
                error=_last_line(log.result()) if run.state is RunState.FAILED else "",
            )

    def metrics(self, run_id: str) -> dict[str, Any]:
        """`evidence/metrics.json` as training wrote it."""
        return dict(json.loads(self._artefacts.read(run_id, "evidence/metrics.json")))

    def predictions(self, run_id: str) -> bytes:
        """`evidence/predictions.parquet`: row, group, outcome, probability of the holdout."""
        return self._artefacts.read(run_id, "evidence/predictions.parquet")

    def _json(self, run_id: str, path: str) -> Any:
        try:
            return json.loads(self._artefacts.read(run_id, path))
        except NotFound:
            return None


def as_run(run: Any, experiment: str, workspace: str) -> Run:
    """A run from MLflow's entity. Non-finite metrics are left out; our tags stay, the services' own go."""
    tags = dict(run.data.tags)
    author = tags.get("author") or tags.get("mlflow.user") or run.info.user_id or ""
    return Run(
        id=run.info.run_id,
        name=tags.get("mlflow.runName") or run.info.run_name or run.info.run_id,
        experiment=experiment,
        workspace=workspace,
        state=STATES.get(str(run.info.status), RunState.QUEUED),
        started_at=_moment(run.info.start_time),
        ended_at=_moment(run.info.end_time),
        author=author,
        metrics={name: value for name, value in run.data.metrics.items() if math.isfinite(value)},
        params=dict(run.data.params),
        tags={name: value for name, value in tags.items() if not name.startswith(INTERNAL)},
    )


def as_curves(figures: dict[str, Any] | None) -> tuple[Curve, ...]:
    """`{"roc": {"x": [...], "y": [...]}, ...}` as curves."""
    return tuple(
        Curve(kind=kind, x=tuple(points["x"]), y=tuple(points["y"])) for kind, points in (figures or {}).items()
    )


def _pages(ask: Any, limit: int, **arguments: Any) -> list[Any]:
    """Up to `limit` entities of a paged MLflow call."""
    found: list[Any] = []
    token: str | None = None
    while len(found) < limit:
        page = ask(max_results=min(PAGE, limit - len(found)), page_token=token, **arguments)
        found.extend(page)
        token = page.token
        if not token:
            break
    return found


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
