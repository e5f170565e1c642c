"""What a chart shows, as plain values that compare and hash by content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.telemetry import Mark, Serving
from console.viewmodels.text import Untrusted


@dataclass(frozen=True, slots=True)
class Series:
    """A line, a row of bars, or dots. `y` holds None where nothing was measured; `style` picks colour and dash.

    `labels` names each point, for whoever points at it.
    """

    name: str
    x: tuple[datetime | float, ...]
    y: tuple[float | None, ...]
    style: int = 0
    bars: bool = False
    dots: bool = False
    labels: tuple[str, ...] = ()

    @property
    def sparse(self) -> bool:
        """Some measured point stands alone between gaps, where a line would not show it."""
        padded = (None, *self.y, None)
        return any(
            here is not None and before is None and after is None
            for before, here, after in zip(padded, padded[1:], padded[2:], strict=False)
        )


@dataclass(frozen=True, slots=True)
class MarkLine:
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Chart:
    """`name` is stable from run to run: it keys the widget and keeps the viewer's zoom. `note` stands at the
    right of the title, the unit where it is empty.
    """

    name: str
    series: tuple[Series, ...]
    title: str = ""
    unit: str = ""
    note: str = ""
    x_title: str = ""
    y_title: str = ""
    height: int = 210
    over_time: bool = True
    from_zero: bool = True
    start: datetime | None = None
    end: datetime | None = None
    bands: tuple[Band, ...] = ()
    marks: tuple[MarkLine, ...] = ()
    limit: float | None = None
    limit_text: str = ""

    def share(self, at: datetime) -> float:
        """Where a moment lies in the window, 0 at its start and 1 at its end."""
        if self.start is None or self.end is None:
            return 0.0
        return (at - self.start) / (self.end - self.start)


CLOSE = 0.07
"""Marks nearer than this share of the window are drawn as one line: their numbers would cover each other."""
WORDED = 0.36
"""The same where each line has its words beside it."""
WORDS = 24


def mark_lines(marks: tuple[Mark, ...], start: datetime, end: datetime, close: float = CLOSE) -> tuple[MarkLine, ...]:
    """The marks of the window; a cluster keeps the words of its last, with the number of the others."""
    clusters: list[list[Mark]] = []
    for mark in sorted((m for m in marks if start <= m.at <= end), key=lambda m: m.at):
        if clusters and mark.at - clusters[-1][0].at < (end - start) * close:
            clusters[-1].append(mark)
        else:
            clusters.append([mark])
    return tuple(_cluster(cluster) for cluster in clusters)


def _cluster(marks: list[Mark]) -> MarkLine:
    others = f", {len(marks) - 1} more" if len(marks) > 1 else ""
    return MarkLine(marks[-1].at, f"{Untrusted(marks[-1].text).one_line(WORDS)}{others}")


def bands(serving: tuple[Serving, ...], start: datetime, end: datetime) -> tuple[Band, ...]:
    """Who held most traffic when, cut to the window."""
    return tuple(
        Band(s.deployment, max(s.start, start), min(s.end or end, end))
        for s in serving
        if s.start < end and (s.end is None or s.end > start)
    )
