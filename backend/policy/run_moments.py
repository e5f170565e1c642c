"""Moments and durations as one types them: `2026-11-01`, `2026-11-01T14:30`, `7d` ago, `90s`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from backend.errors import Invalid

_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)", re.IGNORECASE)
_MILLISECONDS = re.compile(r"\d{11,14}")
_LONGEST = 100 * 365 * 86_400.0


def duration(text: str) -> float:
    """Seconds; a bare number counts them. Raises Invalid."""
    found = _LENGTH.fullmatch(text.strip())
    try:
        return float(found[1]) * _SECONDS[found[2].lower()] if found else float(text)
    except ValueError:
        raise Invalid(f"“{text[:40]}” is no duration: write 90s, 5m, 2h or a number of seconds.") from None


def moment(text: str, now: datetime) -> int:
    """Milliseconds since 1970; a duration is that long ago, a number of 11 digits and more is taken as it is."""
    return _milliseconds(_read(text, now)[0])


def span(text: str, now: datetime) -> tuple[int, int]:
    """From the first millisecond of what was named to the first after it: a day, a minute, an exact moment."""
    at, length = _read(text, now)
    return _milliseconds(at), _milliseconds(at + length)


def _read(text: str, now: datetime) -> tuple[datetime, timedelta]:
    said = text.strip()
    if _MILLISECONDS.fullmatch(said):
        return datetime.fromtimestamp(int(said) / 1000, UTC), timedelta(milliseconds=1)
    if found := _LENGTH.fullmatch(said):
        back = min(float(found[1]) * _SECONDS[found[2].lower()], _LONGEST)
        return now - timedelta(seconds=back), timedelta(seconds=back)
    if said.lower() in {"today", "yesterday"}:
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=said.lower() == "yesterday"), timedelta(days=1)
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        how = "write 2026-11-01, 2026-11-01T14:30, or 7d for a week ago"
        raise Invalid(f"“{text[:40]}” is no moment: {how}.") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at, timedelta(days=1) if len(said) <= len("2026-11-01") else timedelta(minutes=1)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
