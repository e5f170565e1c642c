"""When a tab that nobody touches stops polling, and what it says then."""

from __future__ import annotations

from datetime import datetime

from console.viewmodels.figures import ago, clock

IDLE_SECONDS = 900.0
SHIFT_SECONDS = 8 * 3600.0
"""A promotion under way is watched without a click for as long as one person's shift: its page is where the
candidate is seen to fail and where the way back is. The longest of its ordinary waits is far shorter.
"""


def idle(touched: datetime, now: datetime, patience: float) -> bool:
    return (now - touched).total_seconds() >= patience


def paused_line(held: datetime, now: datetime) -> str:
    """`Paused. Shown as of 14:18 UTC, 21 min ago.`: an absolute time first, because it does not age."""
    return f"Paused. Shown as of {clock(held, now)} UTC, {ago(held, now)}."
