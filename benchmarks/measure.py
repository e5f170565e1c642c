"""Samples, rounds that alternate between us and a peer, and the table of ratios."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

HEAD = ("What", "Ours, median (min-max)", "n", "Peer, median (min-max)", "n", "Ratio", "Aim")


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured, in `unit`: seconds (`s`), milliseconds (`ms`) or a number of something."""

    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        figures = [_figure(value) for value in (self.median, min(self.values), max(self.values))]
        return f"{figures[0]} {self.unit} ({figures[1]}-{figures[2]})"


@dataclass(frozen=True, slots=True)
class Row:
    """One promise: ours against a peer measured beside it. A ratio below 1 means less than the peer.

    `aim` is in the unit of ours, or a ratio where it ends in `x`; "" where none was set.
    """

    what: str
    ours: Sample
    peer: Sample
    aim: str = ""

    @property
    def ratio(self) -> float:
        """Beside a peer of nothing, nothing is as much and anything infinitely more."""
        if not self.peer.median:
            return math.inf if self.ours.median else 1.0
        return self.ours.median / self.peer.median


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def alternate(ours: Callable[[], float], peer: Callable[[], float], rounds: int, unit: str) -> tuple[Sample, Sample]:
    """Measure both in turns, so that what else the machine does meets both; the first turn of each does not count."""
    ours(), peer()
    pairs = [(ours(), peer()) for _ in range(rounds)]
    return Sample(tuple(a for a, _ in pairs), unit), Sample(tuple(b for _, b in pairs), unit)


def table(rows: Sequence[Row]) -> str:
    lines = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        str(row.ours),
        str(len(row.ours.values)),
        str(row.peer),
        str(len(row.peer.values)),
        f"{row.ratio:.2f}x",
        row.aim,
    )


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
