"""What a chart shows, as plain values that compare and hash by content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.telemetry import Mark, Serving


@dataclass(frozen=True, slots=True)
class Series:
    """A line or a row of bars. `y` holds None where nothing was measured; `style` picks colour and dash."""

    name: str
    x: tuple[datetime | float, ...]
    y: tuple[float | None, ...]
    style: int = 0
    bars: bool = False

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
    """`name` is stable from run to run: it keys the widget and keeps the viewer's zoom."""

    name: str
    series: tuple[Series, ...]
    title: str = ""
    unit: str = ""
    x_title: str = ""
    height: int = 210
    over_time: bool = True
    from_zero: bool = True
    start: datetime | None = None
    end: datetime | None = None
    bands: tuple[Band, ...] = ()
    marks: tuple[MarkLine, ...] = ()
    limit: float | None = None
    limit_text: str = ""


def mark_lines(marks: tuple[Mark, ...], start: datetime, end: datetime) -> tuple[MarkLine, ...]:
    return tuple(MarkLine(mark.at, mark.text[:28]) for mark in marks if start <= mark.at <= end)


def bands(serving: tuple[Serving, ...], start: datetime, end: datetime) -> tuple[Band, ...]:
    """Who held most traffic when, cut to the window."""
    return tuple(
        Band(s.deployment, max(s.start, start), min(s.end or end, end))
        for s in serving
        if s.start < end and (s.end is None or s.end > start)
    )
