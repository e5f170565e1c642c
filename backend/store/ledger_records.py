"""What the ledger tells of records that decisions rest on, against what their own tables hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from backend.domain.audit import AuditEntry
from backend.domain.evidence import body_digest
from backend.store.database import storable
from backend.store.tables import approvals, evidence, holds, promotions, quarantines
from backend.store.tables import unexplained_events as events

SAME_MOMENT = timedelta(minutes=5)
"""A decision's own time and its row's are read in one transaction; approvals end after days."""

_QUARANTINE = {
    "version.quarantined": "quarantined",
    "version.retired": "retired",
    "version.quarantine_released": "in use",
}
_BOUND = ("commit", "data_digest", "gates")
"""Left empty by approvals from before they were bound to these."""


class Told:
    """Takes the rows of a whole ledger, oldest first; then names the first record that differs from what they tell."""

    def __init__(self) -> None:
        self._phases: dict[str, str] = {}
        self._held: dict[str, str] = {}
        self._quarantined: dict[str, str] = {}
        self._events: dict[str, str] = {}
        self._frozen: set[tuple[str, ...]] = set()
        self._decisions: dict[tuple[str, ...], list[AuditEntry]] = {}

    def take(self, entry: AuditEntry) -> None:
        kind, _, name = entry.subject.partition("/")
        if kind == "promotion":
            self._phases[name] = entry.after
        elif entry.action in {"hold.set", "hold.released"}:
            self._held[name] = entry.after
        elif kind == "event" and entry.action != "event.resolved":
            self._events[name] = entry.after
        elif kind == "model":
            self._take_version(name, entry)

    def _take_version(self, name: str, entry: AuditEntry) -> None:
        what, _, of = entry.action.partition(".")
        if what == "evidence":
            self._frozen.add((name, of, entry.after, str(entry.detail.get("model_digest", ""))))
        elif entry.action in _QUARANTINE:
            self._quarantined[name] = _QUARANTINE[entry.action]
        elif "gates" in entry.detail or "evidence" in entry.detail:
            said = (name, entry.after, entry.actor, entry.reason)
            self._decisions.setdefault(said, []).append(entry)

    def problem(self, connection: Connection) -> str:
        """The first contradiction, "" where every record is as the ledger tells it."""
        return (
            _differing("promotion", self._phases, _pairs(connection, promotions.c.id, promotions.c.phase))
            or _differing("the hold of", self._held, self._holding(connection), "open")
            or _differing("model", self._quarantined, self._withheld(connection), "in use")
            or _differing("event", self._events, _pairs(connection, events.c.id, events.c.state))
            or self._unfrozen(connection)
            or self._undecided(connection)
        )

    def _holding(self, connection: Connection) -> dict[str, str]:
        return dict.fromkeys(connection.execute(select(holds.c.endpoint)).scalars(), "held")

    def _withheld(self, connection: Connection) -> dict[str, str]:
        rows = connection.execute(select(quarantines.c.model, quarantines.c.version, quarantines.c.retired))
        return {f"{row.model}:{row.version}": "retired" if row.retired else "quarantined" for row in rows}

    def _unfrozen(self, connection: Connection) -> str:
        """Evidence that was never frozen by the worker, or whose figures are not those that were."""
        for row in connection.execute(select(evidence).order_by(evidence.c.made_at, evidence.c.id)):
            if body_digest(row.body) != row.digest:
                return f"evidence {row.id} was changed after it was frozen"
            if (f"{row.model}:{row.version}", row.kind, row.digest, row.model_digest) not in self._frozen:
                return f"evidence {row.id} is in its table with {row.digest[:19]}, which the ledger does not tell of"
        return ""

    def _undecided(self, connection: Connection) -> str:
        """A decision in its table that nobody is told to have made, or not so, or not then."""
        for row in connection.execute(select(approvals).order_by(approvals.c.at, approvals.c.id)):
            said = (f"{row.model}:{row.version}", row.decision, row.actor, storable(row.reason))
            if not any(_same(row, entry) for entry in self._decisions.get(said, ())):
                return f"the decision {row.id} of {row.actor} about {said[0]} is not in the ledger as its table has it"
        return ""


def _same(row: Row[Any], entry: AuditEntry) -> bool:
    detail = entry.detail
    bound = all(getattr(row, name) in {"", str(detail.get(name, ""))} for name in _BOUND)
    accepted = ", ".join(json.loads(row.acknowledged)) == str(detail.get("acknowledged", ""))
    judged = (row.digest, row.threshold) == (detail.get("digest"), detail.get("threshold"))
    return bound and accepted and judged and _near(row.at, entry.at)


def _near(one: datetime, other: datetime) -> bool:
    return abs(one - other) <= SAME_MOMENT


def _pairs(connection: Connection, name: Any, state: Any) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(select(name, state))}


def _differing(what: str, told: Mapping[str, str], stored: Mapping[str, str], absent: str = "missing") -> str:
    names: Iterable[str] = sorted(stored.keys() | told.keys())
    for name in names:
        here, ledger = stored.get(name, absent), told.get(name, absent)
        if here != ledger:
            return f"{what} {name} is {here} in its table and {ledger} in the ledger"
    return ""
