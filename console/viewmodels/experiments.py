"""Runs as rows, and several runs side by side with only what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.domain.runs import Run, RunDetail
from console.viewmodels.figures import asset, clock, duration, metric, short_commit, stamp
from console.viewmodels.series import Chart, Series
from console.viewmodels.state import RUNS
from console.viewmodels.text import Untrusted

SORTS = ("newest", "auc", "sensitivity", "specificity", "brier")
_LOWER_IS_BETTER = {"brier"}
_FIGURES = {
    "roc": ("ROC", "false positive rate"),
    "precision_recall": ("Precision and recall", "recall"),
    "calibration": ("Calibration", "predicted probability"),
}
_SHOWN_TAGS = ("commit", "pull_request", "branch", "author", "data_asset", "data_digest", "purpose")


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the comparison: a value per run, in the order of the runs."""

    group: str
    name: Untrusted
    values: tuple[Untrusted, ...]

    @property
    def differs(self) -> bool:
        return len({value.raw for value in self.values}) > 1


def address(run: Run) -> str:
    return f"{run.workspace}/{run.id}"


def matches(run: Run, query: str) -> bool:
    """Every word occurs in the name, experiment, author, a parameter (`model=logistic`) or a tag."""
    pairs = (f"{k}={v}" for k, v in (*run.params.items(), *run.tags.items()))
    text = " ".join((run.id, run.name, run.experiment, run.workspace, run.author, run.state.value, *pairs)).lower()
    return all(word in text for word in query.lower().split())


def ordered(runs: Sequence[Run], sort: str) -> list[Run]:
    """Newest first, or best first by a metric; runs without it go last."""
    if sort not in SORTS or sort == "newest":
        return sorted(runs, key=lambda r: r.started_at.timestamp() if r.started_at else 0.0, reverse=True)
    sign = 1 if sort in _LOWER_IS_BETTER else -1
    return sorted(runs, key=lambda r: (sort not in r.metrics, sign * r.metrics.get(sort, 0.0)))


def rows(runs: Sequence[Run], now: datetime) -> list[dict[str, object]]:
    """Plain values for the data grid, which never parses markup."""
    return [_row(run, now) for run in runs]


def _row(run: Run, now: datetime) -> dict[str, object]:
    shown = ("auc", "sensitivity", "specificity", "brier")
    return {
        "Run": Untrusted(run.name or run.id, 80).one_line(),
        "State": RUNS[run.state].text,
        "Started": clock(run.started_at, now),
        "Took": took(run),
        **{name: run.metrics.get(name) for name in shown},
        "Model": Untrusted(run.params.get("model", "") or run.tags.get("model_kind", ""), 40).one_line(),
        "Purpose": Untrusted(run.tags.get("purpose", ""), 40).one_line(),
        "Pull request": f"#{run.pull_request}" if run.pull_request.isdecimal() else "",
        "Commit": Untrusted(short_commit(run.commit)).one_line(),
        "Author": Untrusted(run.author, 40).one_line(),
        "Workspace": run.workspace,
    }


def took(run: Run) -> str:
    return duration((run.ended_at - run.started_at).total_seconds()) if run.started_at and run.ended_at else ""


def facts(runs: Sequence[Run]) -> tuple[Fact, ...]:
    """Everything known of the runs; `differs` tells which lines are worth reading."""
    found = [
        _fact("Run", "id", [run.id for run in runs]),
        _fact("Run", "state", [RUNS[run.state].text for run in runs]),
        _fact("Run", "started", [stamp(run.started_at) for run in runs]),
        _fact("Run", "took", [took(run) for run in runs]),
        _fact("Run", "workspace", [run.workspace for run in runs]),
    ]
    metrics = sorted({name for run in runs for name in run.metrics})
    found += [_fact("Metric", name, [_measured(run.metrics.get(name)) for run in runs]) for name in metrics]
    params = sorted({name for run in runs for name in run.params})
    found += [_fact("Parameter", name, [run.params.get(name, "–") for run in runs]) for name in params]
    found += [_fact("Tag", name, [_tag(name, run, whole=len(runs) == 1) for run in runs]) for name in _SHOWN_TAGS]
    return tuple(found)


def _measured(value: float | None) -> str:
    """Counts as whole numbers, everything else with four digits."""
    return f"{value:,.0f}" if value is not None and value.is_integer() else metric(value, 4)


def _tag(name: str, run: Run, *, whole: bool) -> str:
    """`whole` leaves room for ids to be copied."""
    value = run.tags.get(name, "")
    if name == "commit" and not whole:
        return short_commit(value)
    return asset(value) if name == "data_asset" else value or "–"


def _fact(group: str, name: str, values: list[str]) -> Fact:
    return Fact(group, Untrusted(name, 60), tuple(Untrusted(value, 120) for value in values))


def overlaid(details: Sequence[RunDetail]) -> tuple[Chart, ...]:
    """One chart per kind of curve, a line per run that has it."""
    charts = []
    for kind, (title, x_title) in _FIGURES.items():
        series = tuple(
            Series(Untrusted(detail.run.name or detail.run.id, 40).one_line(), curve.x, curve.y, style=index)
            for index, detail in enumerate(details)
            for curve in detail.curves
            if curve.kind == kind
        )
        if series:
            charts.append(
                Chart(
                    name=f"{kind}_{len(series)}",
                    title=title,
                    series=series,
                    x_title=x_title,
                    over_time=False,
                    height=260,
                )
            )
    return tuple(charts)
