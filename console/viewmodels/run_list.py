"""The run list: which columns, what stands in them, and the address that holds all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, quote, unquote, urlencode

from backend.domain.comparison import METRIC_NAMES
from backend.domain.run_search import FIELDS, NEWEST, Kind, Names
from backend.domain.runs import Run
from console.viewmodels.figures import clock, duration, short_commit
from console.viewmodels.models import METRICS
from console.viewmodels.state import RUNS
from console.viewmodels.text import Untrusted

PARAMETERS = ("q", "sort", "columns", "page", "parts")
"""What the address holds of the list; what is selected stands beside it."""
DEFAULT = (
    *("state", "started", "took", "metrics.auc", "metrics.sensitivity", "metrics.specificity", "metrics.brier"),
    *("params.model", "tags.purpose", "pull_request", "commit", "author", "workspace"),
)
MOST_COLUMNS = 40
FIELD_TITLES = {
    "id": "Run id",
    "state": "State",
    "started": "Started",
    "ended": "Ended",
    "took": "Took",
    "pull_request": "Pull request",
    "commit": "Commit",
    "author": "Author",
    "workspace": "Workspace",
    "branch": "Branch",
    "parent": "Part of",
    "data": "Data",
    "experiment": "Experiment",
    "name": "Run",
    "labels": "Labels",
}
_TITLES = FIELD_TITLES | {
    **{f"metrics.{name}": METRIC_NAMES[name] for name in METRICS},
    "params.model": "Model",
    "tags.purpose": "Purpose",
}
SHOWN_FIELDS = tuple(name for name in FIELDS if name != "name")


@dataclass(frozen=True, slots=True)
class Address:
    """The list's part of the address, as it is understood: unknown columns and pages are left out, not refused."""

    query: str = ""
    sort: str = NEWEST
    columns: tuple[str, ...] = DEFAULT
    page: int = 1
    parts: bool = True


def read_address(said: Mapping[str, str]) -> Address:
    page = said.get("page", "")
    columns = tuple(unquote(part) for part in said.get("columns", "").split(",") if part)
    return Address(
        query=said.get("q", ""),
        sort=said.get("sort", "") or NEWEST,
        columns=columns[:MOST_COLUMNS] or DEFAULT,
        page=int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1,
        parts=said.get("parts", "") != "no",
    )


def write_columns(columns: Sequence[str]) -> str:
    """The columns as the address holds them; "" for the usual ones."""
    return "" if tuple(columns) == DEFAULT else ",".join(quote(name, safe=".") for name in columns[:MOST_COLUMNS])


def write_view(said: Mapping[str, str]) -> str:
    """What a saved view keeps of an address."""
    return urlencode({name: said[name] for name in PARAMETERS if name != "page" and said.get(name)})


def read_view(query: str) -> dict[str, str]:
    return {name: value for name, value in parse_qsl(query) if name in PARAMETERS}


def choices(names: Names) -> tuple[str, ...]:
    """Every column there is."""
    kinds = (Kind.METRIC, Kind.PARAM, Kind.TAG)
    return (*SHOWN_FIELDS, "labels", *(f"{kind.value}.{name}" for kind in kinds for name in names.of(kind)))


def title(column: str) -> str:
    """A column's heading: one that has no words of ours is called as the run calls it."""
    return _TITLES.get(column) or Untrusted(column, 60).one_line()


def turned(column: str, sort: str) -> str:
    """The sort after a click on this column's heading: largest first, and the other way round when it is so already."""
    return column if sort == f"-{column}" else f"-{column}"


def rows(
    runs: Sequence[Run],
    columns: Sequence[str],
    now: datetime,
    marks: Mapping[str, frozenset[str]],
    children: Mapping[str, int],
) -> dict[str, list[object]]:
    """Plain values by heading for the data grid, which never parses markup."""
    shown: dict[str, list[object]] = {"Run": [_name(run, marks.get(run.key, frozenset()), children) for run in runs]}
    for column in columns:
        shown[title(column)] = [_cell(run, column, now, marks) for run in runs]
    return shown


def _name(run: Run, labels: frozenset[str], children: Mapping[str, int]) -> str:
    pinned = "★ " if "pinned" in labels else ""
    parts = f" · {children[run.id]} parts" if run.id in children else ""
    return f"{pinned}{Untrusted(run.name or run.id, 80).one_line()}{parts}"


def _cell(run: Run, column: str, now: datetime, marks: Mapping[str, frozenset[str]]) -> object:
    kind, dot, name = column.partition(".")
    if dot and kind == Kind.METRIC:
        return run.metrics.get(name)
    if dot and kind in {Kind.PARAM, Kind.TAG}:
        return Untrusted((run.params if kind == Kind.PARAM else run.tags).get(name, ""), 80).one_line()
    if column == "labels":
        return ", ".join(sorted(marks.get(run.key, frozenset()) - {"pinned"}))
    return _field(run, column, now)


def _field(run: Run, column: str, now: datetime) -> str:
    if column in {"started", "ended"}:
        return clock(run.started_at if column == "started" else run.ended_at, now)
    if column == "took":
        if run.took is None and run.started_at is not None and run.ended_at is None:
            return f"{duration((now - run.started_at).total_seconds())} so far"
        return "" if run.took is None else duration(run.took)
    values = {
        "id": run.id,
        "state": RUNS[run.state].text,
        "experiment": run.experiment,
        "workspace": run.workspace,
        "author": run.author,
        "branch": run.tags.get("branch", ""),
        "pull_request": f"#{run.pull_request}" if run.pull_request.isdecimal() else "",
        "commit": short_commit(run.commit) if run.commit else "",
        "parent": run.parent,
        "data": run.tags.get("data_asset", ""),
    }
    return Untrusted(values.get(column, ""), 80).one_line()
