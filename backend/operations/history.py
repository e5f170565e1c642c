"""What happened to production and when, as the charts draw it; read from our own records."""

from __future__ import annotations

from datetime import datetime

from backend.domain.audit import AuditEntry
from backend.domain.promotions import StepKind, StepState
from backend.domain.telemetry import Mark, Serving
from backend.settings_project import Project
from backend.store import Store
from backend.store.traffic_shifts import TrafficShift

MOST = 2_000

_MARKED = {
    "version.approved": "approve",
    "promotion.promote_requested": "promote",
    "promotion.roll_back_requested": "roll back",
    "promotion.rolled_back": "roll back",
    "alert.raised": "alert",
}
_SHIFTED = (StepKind.SHIFT_TRAFFIC.value, StepState.SUCCEEDED.value)
_TELLING = (*_MARKED, ".".join(("step", *_SHIFTED)), "promotion.succeeded")
"""The ledger's actions that a mark can come of; the last step of a first promotion is told by its success."""


class History:
    def __init__(self, store: Store, project: Project) -> None:
        self._store = store
        self._project = project

    def marks(self, start: datetime, end: datetime) -> tuple[Mark, ...]:
        """Approvals, promotions, shifts, rollbacks and alerts of production in the window, oldest first."""
        entries = self._store.audit.entries(limit=MOST, since=start, actions=_TELLING)
        shown = (self._mark(entry) for entry in reversed(entries) if entry.at <= end)
        return tuple(mark for mark in shown if mark is not None)

    def serving(self, start: datetime, end: datetime) -> tuple[Serving, ...]:
        """Which deployment held most of production's traffic, in intervals that overlap the window, oldest first."""
        spans: list[tuple[datetime, datetime | None, TrafficShift]] = []
        for shift in self._store.traffic_shifts.of(self._project.endpoint):
            since, until, serves = spans[-1] if spans else (shift.at, shift.at, shift)
            if until is None and serves.deployment == shift.deployment:
                continue
            if until is None:
                spans[-1] = (since, shift.at, serves)
            if shift.deployment:
                spans.append((shift.at, None, shift))
        return tuple(
            Serving(deployment=shift.deployment, version=shift.version, start=since, end=until)
            for since, until, shift in spans
            if since <= end and (until is None or until > start)
        )

    def _mark(self, entry: AuditEntry) -> Mark | None:
        kind = _MARKED.get(entry.action)
        if kind is None and (entry.detail.get("step"), entry.detail.get("step_state")) == _SHIFTED:
            kind = "shift"
        if kind is None or entry.detail.get("endpoint", self._project.endpoint) != self._project.endpoint:
            return None
        version = entry.detail.get("version", entry.subject.rpartition(":")[2])
        if kind == "alert":
            return Mark(at=entry.at, kind=kind, text=f"alert: {entry.detail.get('title', '')}")
        text = {
            "approve": f"v{version} approved by {entry.actor}",
            "promote": f"v{version} promoted by {entry.actor}",
            "shift": f"{entry.detail.get('weight')} % to v{version}",
            "roll back": f"rolled back from v{version}",
        }[kind]
        if entry.action == "promotion.roll_back_requested":
            text = f"rolled back to v{version} by {entry.actor}"
        return Mark(at=entry.at, kind=kind, text=text)
