"""`make bench`, or `python -m benchmarks NAME ...`: measures in worlds of its own and prints the ratios."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from itertools import groupby
from typing import Any

from benchmarks import (
    board,
    dashboards,
    drift,
    engine,
    experiments,
    history,
    jobs,
    pages,
    pulls,
    rollback,
    scoring,
    statistics,
    tabs,
    waits,
)
from benchmarks.measure import Row, table
from benchmarks.worlds import bare_world, complete_world, say, world_of_its_own

Opening = Callable[[], AbstractContextManager[Any]]

BENCHMARKS: dict[str, tuple[Opening, Callable[[Any], list[Row]]]] = {
    "statistics": (nullcontext, statistics.run),
    "drift": (nullcontext, drift.run),
    "engine": (engine.both_databases, engine.run),
    "dashboards": (dashboards.two_apps, dashboards.run),
    "history": (history.young_and_old, history.run),
    "pulls": (bare_world, pulls.run),
    "jobs": (bare_world, jobs.run),
    "board": (board.served_board, board.run),
    "experiments": (experiments.ten_thousand_runs, experiments.run),
    "scoring": (bare_world, scoring.run),
    "rollback": (bare_world, rollback.run),
    "waits": (world_of_its_own, waits.run),
    "pages": (complete_world, pages.run),
    "tabs": (complete_world, tabs.run),
}
"""The world each needs, if any, and what it measures there; neighbours that need the same kind share one."""

LONGEST = 2 * 60 * 60
"""Seconds for all that was asked for. What has been measured by then is told."""


class Overdue(Exception):
    """The time for the whole has run out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when everything asked for was measured, 1 when the time ran out before."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHMARKS)}; all if none")
    wanted = parser.parse_args(arguments).names or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    names = [name for name in BENCHMARKS if name in wanted]
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.alarm(LONGEST)
    rows: list[Row] = []
    code = 0
    try:
        _measure_all(names, rows)
    except Overdue as error:
        print(error, file=sys.stderr)
        code = 1
    print(table(rows))
    return code


def _out_of_time(_signal: int, _frame: object) -> None:
    raise Overdue(f"Not all was measured within {LONGEST // 60} minutes; the table holds what was.")


def _measure_all(names: Sequence[str], rows: list[Row]) -> None:
    """Rows are added as they are measured. The SDKs print their progress; standard output is for the table."""
    with redirect_stdout(sys.stderr):
        for opening, group in groupby(names, key=lambda name: BENCHMARKS[name][0]):
            with opening() as world:
                for name in group:
                    rows += _measured(name, world)


def _measured(name: str, world: Any) -> list[Row]:
    started = time.monotonic()
    rows = BENCHMARKS[name][1](world)
    say(f"{name} measured", started)
    return rows


if __name__ == "__main__":
    sys.exit(main())
