"""Freeze windows: when no version may gain traffic. Taking traffic back is never frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backend.domain.gates import Finding, FindingState
from backend.settings_project import DAYS, Freeze

MOST_JOINED = 60
"""Windows that follow one another without a gap; beyond that the end is told as of the last one looked at."""


@dataclass(frozen=True)
class Frozen:
    """Inside a window: why, and when the last of those that follow one another ends."""

    reason: str
    until: datetime

    @property
    def sentence(self) -> str:
        return f"Frozen until {self.until:%a %d %b %H:%M} UTC: {self.reason.rstrip('.')}."


def frozen(freezes: Iterable[Freeze], now: datetime) -> Frozen | None:
    """The freeze that holds at `now`, None outside of all windows; a window's end is no longer in it."""
    known = tuple(freezes)
    first = _longest(known, now)
    if first is None:
        return None
    until, reason = first
    for _ in range(MOST_JOINED):
        following = _longest(known, until)
        if following is None:
            break
        until = following[0]
    return Frozen(reason, until)


def window_finding(freezes: Iterable[Freeze], now: datetime) -> Finding:
    """The strip's last word: open, or closed until when."""
    known = tuple(freezes)
    found = frozen(known, now)
    if found is not None:
        return Finding(gate="window", group="Window", state=FindingState.FAIL, sentence=found.sentence)
    declared = f"{len(known)} freeze windows are declared, and none holds now." if known else "No freeze is declared."
    return Finding(gate="window", group="Window", state=FindingState.PASS, sentence=declared)


def _longest(freezes: tuple[Freeze, ...], now: datetime) -> tuple[datetime, str] | None:
    ends = [(end, freeze.reason) for freeze in freezes if (end := _end(freeze, now)) is not None]
    return max(ends, default=None)


def _end(freeze: Freeze, now: datetime) -> datetime | None:
    if freeze.begins is not None and freeze.ends is not None:
        return freeze.ends if freeze.begins <= now < freeze.ends else None
    # A window that crosses midnight began the day before.
    for day in (now.date(), now.date() - timedelta(days=1)):
        begins = datetime.combine(day, freeze.start, UTC)
        ends = datetime.combine(day, freeze.end, UTC)
        if freeze.end <= freeze.start:
            ends += timedelta(days=1)
        if DAYS[day.weekday()] in freeze.days and begins <= now < ends:
            return ends
    return None
