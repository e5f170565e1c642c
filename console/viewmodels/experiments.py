"""Several runs side by side: what differs, their curves, and the verdict on each against a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from backend.domain.comparison import Difference
from backend.domain.runs import History, Run, RunCurves, RunDifference
from console.viewmodels.figures import asset, duration, metric, short_commit, short_digest, stamp
from console.viewmodels.series import Chart, Series
from console.viewmodels.state import RUNS
from console.viewmodels.text import Untrusted

_FIGURES = {
    "roc": ("ROC", "false positive rate", "sensitivity"),
    "precision_recall": ("Precision and recall", "recall", "precision"),
    "calibration": ("Calibration", "predicted probability", "observed share"),
    "sensitivity": ("Sensitivity by threshold", "threshold", "sensitivity"),
    "specificity": ("Specificity by threshold", "threshold", "specificity"),
}
_SHOWN_TAGS = ("commit", "pull_request", "branch", "author", "data_asset", "data_digest", "purpose", "parent")


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the comparison: a value per run, in the order of the runs."""

    group: str
    name: Untrusted
    values: tuple[Untrusted, ...]

    @property
    def differs(self) -> bool:
        return len({value.raw for value in self.values}) > 1


def took(run: Run) -> str:
    return "" if run.took is None else duration(run.took)


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
    if name == "data_digest" and value and not whole:
        return short_digest(value)
    return asset(value) if name == "data_asset" else value or "–"


def _fact(group: str, name: str, values: list[str]) -> Fact:
    return Fact(group, Untrusted(name, 60), tuple(Untrusted(value, 120) for value in values))


def numbers(runs: Sequence[Run]) -> dict[str, tuple[float | None, ...]]:
    """Everything about these runs that is a number, by what it is called: an axis of the scatter each."""
    found: dict[str, tuple[float | None, ...]] = {}
    for name in sorted({name for run in runs for name in run.metrics}):
        found[name] = tuple(run.metrics.get(name) for run in runs)
    for name in sorted({name for run in runs for name in run.params}):
        values = tuple(_number(run.params.get(name)) for run in runs)
        if name not in found and any(value is not None for value in values):
            found[name] = values
    return found | {"took, s": tuple(run.took for run in runs)}


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and isfinite(value) else None


def scatter(
    runs: Sequence[Run], known: Mapping[str, Sequence[float | None]], x: str, y: str, baseline: str
) -> Chart | None:
    """A dot for each run that has both `numbers`; the baseline is a diamond."""
    if x not in known or y not in known:
        return None
    dots = [
        (Untrusted(run.name or run.id, 40).one_line(), across, up, run.key == baseline)
        for run, across, up in zip(runs, known[x], known[y], strict=True)
        if across is not None and up is not None
    ]
    groups = (("runs", 0, [dot for dot in dots if not dot[3]]), ("baseline", 1, [dot for dot in dots if dot[3]]))
    series = tuple(
        Series(
            name,
            tuple(dot[1] for dot in group),
            tuple(dot[2] for dot in group),
            style=style,
            dots=True,
            labels=tuple(dot[0] for dot in group),
        )
        for name, style, group in groups
        if group
    )
    return Chart(
        name="scatter",
        series=series,
        x_title=Untrusted(x, 40).one_line(),
        y_title=Untrusted(y, 40).one_line(),
        over_time=False,
        from_zero=False,
        height=320,
    )


def overlaid(runs: Sequence[Run], curves: Sequence[RunCurves]) -> tuple[Chart, ...]:
    """One chart per kind of curve, a line per run that has it."""
    names = {run.key: Untrusted(run.name or run.id, 40).one_line() for run in runs}
    charts = []
    for kind, (title, x_title, y_title) in _FIGURES.items():
        series = tuple(
            Series(names[found.key], curve.x, curve.y, style=index)
            for index, found in enumerate(curves)
            for curve in found.curves
            if curve.kind == kind and found.key in names
        )
        if series:
            charts.append(
                Chart(
                    name=f"{kind}_{len(series)}",
                    title=title,
                    series=series,
                    x_title=x_title,
                    y_title=y_title,
                    over_time=False,
                    height=260,
                )
            )
    return tuple(charts)


def history_chart(history: History) -> Chart:
    """How a metric went, step by step."""
    steps = tuple(float(step) for step in history.steps)
    name = Untrusted(history.metric, 40).one_line()
    line = Series(name, steps, history.values)
    return Chart(name=f"history_{name}", title=name, series=(line,), x_title="step", over_time=False, from_zero=False)


@dataclass(frozen=True, slots=True)
class Judged:
    """One run against the baseline: a verdict and a sentence for each metric, or why there is none."""

    run: Run
    problem: str
    differences: tuple[Difference, ...]
    rows: int

    def on(self, metric: str) -> Difference | None:
        return next((found for found in self.differences if found.metric == metric), None)


def judged(runs: Sequence[Run], differences: Sequence[RunDifference]) -> tuple[Judged, ...]:
    """In the order of the runs."""
    found = {difference.key: difference for difference in differences}
    return tuple(
        Judged(run, found[run.key].problem, found[run.key].differences, found[run.key].rows)
        for run in runs
        if run.key in found
    )
