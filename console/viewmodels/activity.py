"""Ledger entries in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from backend.domain.audit import AuditEntry
from backend.domain.promotions import IntentState, Kind
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


def wording(entry: AuditEntry) -> str:
    """`step.shift_traffic.succeeded` at 10 as `Shift traffic, 10 %, succeeded`; `Promotion of v2 requested`."""
    subject, *rest = entry.action.replace("_", " ").split(".")
    what = " ".join(rest)
    if subject == "step":
        weight = [f"{entry.detail['weight']} %"] if "weight" in entry.detail else []
        words = ", ".join((rest[0], *weight, *rest[1:]))
    elif subject == "promotion":
        words = _of_promotion(entry, what)
    elif subject == "evidence":
        words = f"{'smoke test' if what == 'smoke' else what} of v{_number(entry)} recorded"
    elif subject == "version":
        words = f"v{_number(entry)} {what}"
    elif subject == "review":
        words = f"{what} #{entry.subject.rpartition('/')[2]}, {_ASKED.get(entry.after, entry.after)}"
    elif subject == "break glass":
        return f"Break-glass {what}, v{_number(entry)}"
    elif subject == "hold":
        return "Promotions held" if what == "set" else "Hold lifted"
    elif subject == "github":
        return f"GitHub {what}"
    elif subject == "event":
        return f"{entry.detail.get('kind', 'event')}: {what}".capitalize()
    else:
        words = what if subject == "person" else " ".join((subject, *rest))
    return words if subject == "version" else words[:1].upper() + words[1:]


def _number(entry: AuditEntry) -> str:
    return entry.subject.rpartition(":")[2]


_ASKED = {IntentState.PENDING.value: "requested", IntentState.SUCCEEDED.value: "done"}
_NOUNS = {
    Kind.STAGE.value: "test of",
    Kind.PROMOTE.value: "promotion of",
    Kind.ROLL_BACK.value: "rollback to",
    Kind.ADOPT.value: "adoption of",
}


def _of_promotion(entry: AuditEntry, what: str) -> str:
    """`promotion of v2 succeeded`, `rollback to v1 requested`, `pause requested, promotion of v2`."""
    kind, version = str(entry.detail.get("kind", "")), entry.detail.get("version")
    if kind not in _NOUNS or version is None:
        return what
    named = f"{_NOUNS[kind]} v{version}"
    if what == f"{kind} requested":
        return f"{named} requested"
    return f"{what}, {named}" if what.endswith(" requested") else f"{named} {what}"


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
