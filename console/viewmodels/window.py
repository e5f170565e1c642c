"""Which stretch of time the Monitoring view shows: a range that ends now, or the one of a link or of a brush."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SHORTEST = timedelta(minutes=2)
LONGEST = timedelta(days=31)
"""The log keeps 30 days."""
BIN_WIDTHS = (10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400)
MOST_BINS = 1440
"""A day of minutes; a chart that is wider on no screen shows no more."""
FEW_BINS = 90
"""What a short window is drawn with: a bin of a few seconds holds a call or two, whose percentiles say nothing."""
SHIFTS = {"day before": timedelta(days=1), "week before": timedelta(days=7)}
"""What a window may be compared with."""


@dataclass(frozen=True, slots=True)
class Stretch:
    start: datetime
    end: datetime

    @property
    def address(self) -> dict[str, str]:
        """As it stands in the URL."""
        return {"from": _text(self.start), "to": _text(self.end)}


def bin_seconds(window: timedelta) -> int:
    """Minutes for a day and less, wider ones beyond; narrower only where they still hold some calls."""
    seconds = window.total_seconds()
    wanted = seconds / FEW_BINS if seconds <= 5400 else max(60.0, seconds / MOST_BINS)
    return next((width for width in BIN_WIDTHS if width >= wanted - 1e-6), BIN_WIDTHS[-1])


def stretch_of(start: str, end: str) -> Stretch | None:
    """What a link asks for; None where it asks for nothing, or for what cannot be shown."""
    first, last = _moment(start), _moment(end)
    if first is None or last is None or not SHORTEST <= last - first <= LONGEST:
        return None
    return Stretch(first, last)


def brushed(ends: list[object]) -> Stretch | None:
    """What a brush over a chart covered: Plotly tells dates as text in UTC or as milliseconds since 1970."""
    found = sorted(moment for moment in map(_end, ends) if moment is not None)
    if len(found) != 2:
        return None
    start = datetime.fromtimestamp(math.floor(found[0].timestamp() / 60) * 60, UTC)
    end = datetime.fromtimestamp(math.ceil(found[1].timestamp() / 60) * 60, UTC)
    return Stretch(start, max(end, start + SHORTEST))


def _end(value: object) -> datetime | None:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / 1000, UTC)
    return _moment(str(value))


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
