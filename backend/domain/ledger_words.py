"""Rows of the ledger in words: the same on every page, at a terminal and in what is sent to people. Pure."""

from __future__ import annotations

from backend.domain.audit import AuditEntry
from backend.domain.people import WORKER
from backend.domain.promotions import IntentState, Kind

_ASKED = {IntentState.PENDING.value: "requested", IntentState.SUCCEEDED.value: "done"}
_NOUNS = {
    Kind.STAGE.value: "test of",
    Kind.PROMOTE.value: "promotion of",
    Kind.ROLL_BACK.value: "rollback to",
    Kind.ADOPT.value: "adoption of",
}


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
    elif subject in _NAMED_BY:
        return _named(entry, subject, what)
    else:
        words = what if subject == "person" else " ".join((subject, *rest))
    return words if subject == "version" else words[:1].upper() + words[1:]


_NAMED_BY = {"event": "kind", "alert": "title", "silence": "covers"}
"""Rows whose detail names what they are about."""


def _named(entry: AuditEntry, subject: str, what: str) -> str:
    """`Traffic changed: noticed`; `Alert Availability, fast: raised`; `Silence of drift/diabetes-endpoint set`."""
    name = str(entry.detail.get(_NAMED_BY[subject], subject))
    if subject == "event":
        return f"{name}: {what}".capitalize()
    return f"Alert {name}: {what}" if subject == "alert" else f"Silence of {name} {what}"


def sentence(entry: AuditEntry) -> str:
    """The row as one sentence: what, by whom unless it is the worker, and why."""
    by = "" if entry.actor == WORKER.name else f" by {entry.actor}"
    return f"{wording(entry)}{by}" + (f": {entry.reason}" if entry.reason else "")


def _number(entry: AuditEntry) -> str:
    return entry.subject.rpartition(":")[2]


def _of_promotion(entry: AuditEntry, what: str) -> str:
    """`promotion of v2 succeeded`, `rollback to v1 requested`, `pause requested, promotion of v2`."""
    kind, version = str(entry.detail.get("kind", "")), entry.detail.get("version")
    if kind not in _NOUNS or version is None:
        return what
    named = f"{_NOUNS[kind]} v{version}"
    if what == f"{kind} requested":
        return f"{named} requested"
    return f"{what}, {named}" if what.endswith(" requested") else f"{named} {what}"
