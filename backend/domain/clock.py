"""Time as an argument: `Clock` is any callable that answers an aware UTC moment; and a moment in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """`27 Nov 12:00 UTC`: a moment inside a sentence, which says its own zone."""
    return f"{moment:%d %b %H:%M} UTC"
