"""Ledger entries in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from backend.domain.audit import AuditEntry
from backend.domain.ledger_words import wording
from console.viewmodels.figures import clock, short_digest, stamp
from console.viewmodels.text import Untrusted

ALARM = "break_glass."
"""Acts that stay red wherever they are told."""

_SYMBOLS = (
    (ALARM, "emergency_home"),
    ("quarantin", "coronavirus"),
    ("changes_req", "edit_note"),
    ("delegat", "group"),
    ("approv", "how_to_reg"),
    ("reject", "block"),
    ("roll", "undo"),
    ("abort", "undo"),
    ("pause", "pause"),
    ("resume", "play_arrow"),
    ("shift", "call_split"),
    ("create", "cloud_upload"),
    ("promot", "rocket_launch"),
    ("merge", "merge"),
    ("observe", "visibility"),
    ("smoke", "labs"),
    ("setup", "construction"),
    ("sign", "login"),
    ("event", "gpp_bad"),
)


@dataclass(frozen=True, slots=True)
class Act:
    when: str
    full: str
    symbol: str
    what: str
    why: Untrusted
    who: str


def acts(entries: Iterable[AuditEntry], now: datetime) -> tuple[Act, ...]:
    """Newest first. `why` is the person's reason, or what changed where nobody gave one."""
    newest = sorted(entries, key=lambda entry: entry.sequence, reverse=True)
    return tuple(_act(entry, now) for entry in newest)


def symbol(action: str) -> str:
    return next((name for part, name in _SYMBOLS if part in action.lower()), "history")


def change(entry: AuditEntry) -> str:
    """`pending → running`, the new state alone where there was none, "" where it stayed."""
    before, after = (
        f"digest {short_digest(text)}" if text.startswith("sha256:") else text for text in (entry.before, entry.after)
    )
    if before == after:
        return ""
    return f"{before} → {after}" if before and after else after


def _act(entry: AuditEntry, now: datetime) -> Act:
    return Act(
        when=clock(entry.at, now),
        full=stamp(entry.at),
        symbol=symbol(entry.action),
        what=wording(entry),
        why=Untrusted(entry.reason or change(entry), 240),
        who=entry.actor,
    )
