"""`make bench`, or `python -m benchmarks NAME ...`: runs each benchmark in a world of its own and prints the ratios."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout

from benchmarks import jobs, pulls, scoring
from benchmarks.measure import Row, table
from benchmarks.worlds import World, say, world

BENCHMARKS: dict[str, Callable[[World], list[Row]]] = {"pulls": pulls.run, "jobs": jobs.run, "scoring": scoring.run}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when everything asked for was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(BENCHMARKS)}; all if none")
    names = parser.parse_args(arguments).names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))
    rows: list[Row] = []
    # The SDKs print their progress; standard output is for the table.
    with redirect_stdout(sys.stderr), world() as here:
        for name in names:
            started = time.monotonic()
            rows += BENCHMARKS[name](here)
            say(f"{name} measured", started)
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
