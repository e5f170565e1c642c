"""Runs as an Arrow table, a row each; the names that runs carry become columns.

Words look at everything a run has. A name beyond `MOST_NAMES` of its kind gets no column, so that runs which invent a
tag each cannot make the table wide; it is still found by its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from backend.domain.run_search import FIELDS, MOMENTS, NUMBERS, Kind, Names
from backend.domain.runs import Run

MOST_NAMES = 300
KEPT = ("key", "text", "body")


def empty() -> Any:
    import pyarrow as pa

    return pa.table({name: pa.array([], _type(name)) for name in (*KEPT, *FIELDS)})


def merged(table: Any, runs: Sequence[Run]) -> Any:
    """The table with these runs as they are now, in place of what it held of them."""
    import pyarrow as pa

    latest = {run.key: run for run in runs}
    if not latest:
        return table
    rows = _rows(list(latest.values()), _names(table, latest.values()))
    kept = without(table, latest)
    return pa.concat_tables([kept, rows], promote_options="default").combine_chunks()


def without(table: Any, keys: Iterable[str]) -> Any:
    """The table without the runs of these keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    gone = pa.array(list(keys), pa.string())
    return table.filter(pc.invert(pc.is_in(table["key"], value_set=gone)))


def names(table: Any) -> Names:
    """Which metrics, parameters and tags have a column."""
    by_kind = _by_kind(table)
    return Names(
        metrics=tuple(sorted(by_kind[Kind.METRIC])),
        params=tuple(sorted(by_kind[Kind.PARAM])),
        tags=tuple(sorted(by_kind[Kind.TAG])),
    )


def runs_in(table: Any) -> tuple[Run, ...]:
    """The rows as runs, in the table's order."""
    return tuple(Run.model_validate_json(body) for body in table["body"].to_pylist())


def _by_kind(table: Any) -> dict[Kind, set[str]]:
    found: dict[Kind, set[str]] = {Kind.METRIC: set(), Kind.PARAM: set(), Kind.TAG: set()}
    for column in table.column_names:
        kind, dot, name = column.partition(".")
        if dot and kind in set(Kind):
            found[Kind(kind)].add(name)
    return found


def _names(table: Any, runs: Iterable[Run]) -> Mapping[Kind, set[str]]:
    """The names that have or get a column: first come, first served."""
    known = _by_kind(table)
    for run in runs:
        for kind, values in ((Kind.METRIC, run.metrics), (Kind.PARAM, run.params), (Kind.TAG, run.tags)):
            held: set[str] = known[kind]
            if not values.keys() <= held:
                room = MOST_NAMES - len(held)
                held.update(sorted(values.keys() - held)[: max(room, 0)])
    return known


def _rows(runs: Sequence[Run], by_kind: Mapping[Kind, set[str]]) -> Any:
    import pyarrow as pa

    columns: dict[str, Any] = {
        "key": pa.array([run.key for run in runs], pa.string()),
        "text": pa.array([_text(run) for run in runs], pa.string()),
        "body": pa.array([run.model_dump_json() for run in runs], pa.string()),
    }
    fields = [_fields(run) for run in runs]
    for name in FIELDS:
        columns[name] = pa.array([values[name] for values in fields], _type(name))
    for kind, wanted in by_kind.items():
        held = [_values(run, kind) for run in runs]
        for name in sorted(wanted):
            column = f"{kind.value}.{name}"
            columns[column] = pa.array([values.get(name) for values in held], _type(column))
    return pa.table(columns)


def _values(run: Run, kind: Kind) -> Mapping[str, object]:
    if kind is Kind.METRIC:
        return run.metrics
    return run.params if kind is Kind.PARAM else run.tags


def _type(column: str) -> Any:
    import pyarrow as pa

    if column in MOMENTS:
        return pa.int64()
    return pa.float64() if column in NUMBERS or column.startswith(f"{Kind.METRIC.value}.") else pa.string()


def _fields(run: Run) -> dict[str, object]:
    tags = run.tags
    return {
        "name": run.name,
        "id": run.id,
        "state": run.state.value,
        "experiment": run.experiment,
        "workspace": run.workspace,
        "author": run.author,
        "branch": tags.get("branch") or None,
        "pull_request": run.pull_request or None,
        "commit": run.commit or None,
        "parent": run.parent or None,
        "data": tags.get("data_asset") or None,
        "started": _milliseconds(run.started_at),
        "ended": _milliseconds(run.ended_at),
        "took": run.took,
    }


def _text(run: Run) -> str:
    pairs = (f"{name}={value}" for name, value in (*run.params.items(), *run.tags.items()))
    number = f"#{run.pull_request}" if run.pull_request else ""
    said = (run.id, run.name, run.experiment, run.workspace, run.author, run.state.value, number, *pairs)
    return "\n".join(said).lower()


def _milliseconds(at: datetime | None) -> int | None:
    return int(at.timestamp() * 1000) if at else None


def within(table: Any, keys: Sequence[str]) -> Any:
    """The rows of these keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(pc.is_in(table["key"], value_set=pa.array(keys, pa.string())))


def children(table: Any, ids: Sequence[str]) -> dict[str, int]:
    """How many runs are below each of these, where there are any."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parents = table["parent"].filter(pc.is_in(table["parent"], value_set=pa.array(ids, pa.string())))
    return {str(count["values"]): int(count["counts"]) for count in pc.value_counts(parents).to_pylist()}
