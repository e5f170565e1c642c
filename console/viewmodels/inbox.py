"""Notifications as the inbox lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from backend.domain.notifications import Notification, NotificationKind, SendingState, TargetStanding
from console.viewmodels.figures import ago, plural, stamp
from console.viewmodels.text import Untrusted

SHOWN = 160
_SYMBOLS = {
    NotificationKind.TO_DECIDE: "how_to_reg",
    NotificationKind.DECIDED: "gavel",
    NotificationKind.PROMOTION: "rocket_launch",
    NotificationKind.ATTENTION: "priority_high",
    NotificationKind.UNEXPLAINED: "gpp_bad",
    NotificationKind.BREAK_GLASS: "emergency_home",
    NotificationKind.MERGE: "merge",
    NotificationKind.SETUP: "construction",
}


@dataclass(frozen=True, slots=True)
class Row:
    """`path` and `selects` are the page of the very thing."""

    sequence: int
    what: Untrusted
    symbol: str
    about: str
    age: str
    full: str
    digest: str
    path: str
    selects: dict[str, str]
    read: bool


def rows(found: Iterable[Notification], now: datetime) -> tuple[Row, ...]:
    """Unread ones first, each part newest first."""
    return tuple(_row(told, now) for told in sorted(found, key=lambda told: (told.read, -told.sequence)))


def _row(told: Notification, now: datetime) -> Row:
    parts = urlsplit(told.link)
    return Row(
        sequence=told.sequence,
        what=Untrusted(told.sentence, SHOWN),
        symbol=_SYMBOLS[told.kind],
        about=told.kind.value,
        age=ago(told.at, now),
        full=stamp(told.at),
        digest=told.digest,
        path=parts.path.strip("/"),
        selects=dict(parse_qsl(parts.query)),
        read=told.read,
    )


def bell_words(unread: int) -> str:
    """What stands beside the bell."""
    return f"Inbox, {unread} unread" if unread else "Inbox"


def target_words(standing: TargetStanding) -> str:
    """What became of what was sent to a target."""
    parts = [f"{standing.sent:,} {SendingState.SENT.value}"]
    parts += [f"{standing.waiting:,} waiting"] if standing.waiting else []
    parts += [f"{plural(len(standing.dead), 'notification')} given up"] if standing.dead else []
    return ", ".join(parts)
