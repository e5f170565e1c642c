"""The controls as the setup page tells them: what came of the last try, and when each was last refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.drills import ControlStanding, Drill, DrillState, Outcome
from console.viewmodels.figures import ago
from console.viewmodels.state import Pill
from console.viewmodels.text import Untrusted

OUTCOMES = {
    Outcome.REFUSED: Pill("refused", "good", "verified_user"),
    Outcome.NOT_REFUSED: Pill("NOT refused", "bad", "gpp_bad"),
    Outcome.ABSENT: Pill("absent", "warn", "remove_moderator"),
    Outcome.UNKNOWN: Pill("unknown", "warn", "visibility_off"),
}
NEVER = Pill("never tried", "quiet", "hourglass_empty")


@dataclass(frozen=True, slots=True)
class ControlRow:
    """One control. `since` is "last refused 6 h ago"; `told` is what was tried and what came of it."""

    name: str
    state: Pill
    since: str
    tried: Untrusted
    told: Untrusted


def control_rows(standing: tuple[ControlStanding, ...], now: datetime) -> tuple[ControlRow, ...]:
    """What needs somebody first: not refused, then unknown, then the rest in their order."""
    rank = {Outcome.NOT_REFUSED: 0, Outcome.UNKNOWN: 1}
    ordered = sorted(standing, key=lambda one: rank.get(one.latest.outcome, 2) if one.latest else 2)
    return tuple(_row(one, now) for one in ordered)


def _row(one: ControlStanding, now: datetime) -> ControlRow:
    latest = one.latest
    since = f"last refused {ago(one.refused_at, now)}" if one.refused_at else "never refused yet"
    if latest is None:
        return ControlRow(_capital(one.control.value), NEVER, "", Untrusted(""), Untrusted(""))
    if latest.outcome is Outcome.ABSENT:
        since = f"looked at {ago(latest.at, now)}"
    left = f"Left behind: {latest.left}." if latest.left else ""
    told = " ".join(part for part in (latest.told, latest.instead, left) if part)
    tried = latest.tried_as
    if latest.outcome in {Outcome.NOT_REFUSED, Outcome.UNKNOWN}:
        tried += f", {ago(latest.at, now)}"
    return ControlRow(
        _capital(one.control.value), OUTCOMES[latest.outcome], since, Untrusted(tried, 120), Untrusted(told, 600)
    )


def drill_line(drill: Drill | None, now: datetime) -> str:
    """Where the latest drill stands."""
    if drill is None:
        return "no drill yet"
    if drill.state is DrillState.WANTED:
        return f"asked by {drill.asked_by}, waits for the worker"
    if drill.state is DrillState.RUNNING:
        return f"under way for {drill.asked_by}: {drill.progress}"
    return f"last drill {ago(drill.finished_at, now)}, by {drill.asked_by}: {drill.note}"


def under_way(drill: Drill | None) -> str:
    """Why another one cannot be asked for; "" where it can."""
    if drill is None or drill.state is DrillState.DONE:
        return ""
    return f"A drill is under way: {drill.progress}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
