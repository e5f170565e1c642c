"""Runs through the tracking API of one workspace."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from backend.domain.runs import Curve, History, Run, RunDetail, RunState
from backend.errors import NotFound
from backend.gateways.azureml.artefacts import Artefacts
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.errors import azureml

PAGE = 500
CURVES, PREDICTIONS = "evidence/curves.json", "evidence/predictions.parquet"
MOST_HISTORIES = 30
MOST_EXPERIMENTS = 1000

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
PARENTS = ("mlflow.parentRunId", "sweep")
"""Tags that name the run or sweep which a run is a part of: MLflow's for nested runs, and ours."""


class Runs:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._artefacts = Artefacts(workspace)
        self._experiments: dict[str, str] = {}

    def page(self, token: str | None, limit: int) -> tuple[tuple[Run, ...], str | None]:
        """Up to `limit` runs of every experiment, newest first, and the next page's token; None begins, and ends it."""
        client = self._workspace.tracking()
        with azureml("list runs"):
            if token is None or not self._experiments:
                found = _pages(client.search_experiments, limit=MOST_EXPERIMENTS)
                self._experiments = {e.experiment_id: e.name for e in found}
            if not self._experiments:
                return (), None
            page = client.search_runs(
                experiment_ids=list(self._experiments),
                order_by=["attributes.start_time DESC"],
                max_results=limit,
                page_token=token,
            )
        names = self._experiments
        runs = tuple(as_run(run, names.get(run.info.experiment_id, ""), self._workspace.name) for run in page)
        return runs, page.token or None

    def get(self, run_id: str) -> Run:
        client = self._workspace.tracking()
        with azureml("read a run"):
            run = client.get_run(run_id)
            experiment = client.get_experiment(run.info.experiment_id)
        return as_run(run, experiment.name, self._workspace.name)

    def detail(self, run_id: str, log_lines: int = 200) -> RunDetail:
        """The run with its evidence folder and the tail of its log; parts it has not written are left empty."""
        with ThreadPoolExecutor(max_workers=6, thread_name_prefix="run-detail") as pool:
            curves = pool.submit(self._json, run_id, CURVES)
            bands = pool.submit(self._json, run_id, "evidence/bands.json")
            packages = pool.submit(self._json, run_id, "evidence/environment.json")
            files = pool.submit(self._artefacts.files, run_id)
            log = pool.submit(self._artefacts.log_tail, run_id, log_lines)
            run = self.get(run_id)
            histories = pool.map(lambda name: self._history(run_id, name), sorted(run.metrics)[:MOST_HISTORIES])
            return RunDetail(
                run=run,
                curves=as_curves(curves.result()),
                bands=tuple(bands.result() or ()),
                log_tail=log.result(),
                error=_last_line(log.result()) if run.state is RunState.FAILED else "",
                packages={name: str(version) for name, version in (packages.result() or {}).items()},
                artefacts=files.result(),
                history=tuple(history for history in histories if len(history.values) > 1),
            )

    def file(self, run_id: str, path: str) -> bytes:
        """A file of the run's artefact folder. Raises NotFound."""
        return self._artefacts.read(run_id, path)

    def _history(self, run_id: str, metric: str) -> History:
        with azureml("read a metric's history"):
            points = self._workspace.tracking().get_metric_history(run_id, metric)
        kept = sorted((p for p in points if math.isfinite(p.value)), key=lambda p: (p.step, p.timestamp))
        return History(metric=metric, steps=tuple(p.step for p in kept), values=tuple(p.value for p in kept))

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
        tags=_told(tags),
    )


def _told(tags: dict[str, str]) -> dict[str, str]:
    """The tags that people write, and `parent` wherever it was said."""
    ours = {name: value for name, value in tags.items() if not name.startswith(INTERNAL)}
    parent = next((tags[name] for name in PARENTS if tags.get(name)), "")
    return ours | ({"parent": parent} if parent else {})


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
