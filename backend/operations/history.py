"""What happened to production and when, as the charts draw it; read from our own records."""

from __future__ import annotations

from datetime import datetime

from backend.domain.audit import AuditEntry
from backend.domain.promotions import Kind, Promotion, StepKind, StepState
from backend.domain.telemetry import Mark, Serving
from backend.settings_project import Project
from backend.store import Store

MOST = 2_000

_MARKED = {
    "version.approved": "approve",
    "promotion.promote_requested": "promote",
    "promotion.roll_back_requested": "roll back",
    "promotion.rolled_back": "roll back",
    "alert.raised": "alert",
}
_SHIFTED = (StepKind.SHIFT_TRAFFIC.value, StepState.SUCCEEDED.value)


class History:
    def __init__(self, store: Store, project: Project) -> None:
        self._store = store
        self._project = project

    def marks(self, start: datetime, end: datetime) -> tuple[Mark, ...]:
        """Approvals, promotions, shifts, rollbacks and alerts of production in the window, oldest first."""
        entries = self._store.audit.entries(limit=MOST, since=start)
        shown = (self._mark(entry) for entry in reversed(entries) if entry.at <= end)
        return tuple(mark for mark in shown if mark is not None)

    def serving(self, start: datetime, end: datetime) -> tuple[Serving, ...]:
        """Which deployment held most of production's traffic, in intervals that overlap the window, oldest first."""
        told = self._store.promotions.since_success(self._project.endpoint, start)
        changes = sorted((change for p in told for change in _changes(p)), key=lambda change: change[0])
        spans: list[Serving] = []
        for at, deployment in changes:
            if spans and spans[-1].deployment == deployment:
                continue
            if spans:
                spans[-1] = spans[-1].model_copy(update={"end": at})
            if deployment:
                spans.append(Serving(deployment=deployment, start=at, end=None))
        return tuple(span for span in spans if span.start <= end and (span.end is None or span.end > start))

    def _mark(self, entry: AuditEntry) -> Mark | None:
        kind = _MARKED.get(entry.action)
        if kind is None and (entry.detail.get("step"), entry.detail.get("step_state")) == _SHIFTED:
            kind = "shift"  # the last step of a first promotion: the ledger names its success instead
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


def _changes(promotion: Promotion) -> list[tuple[datetime, str]]:
    """The moments at which this promotion moved most of the traffic, and to which deployment."""
    if promotion.kind is Kind.STAGE:
        return []
    found: list[tuple[datetime, str]] = []
    for record in promotion.steps:
        if record.state is not StepState.SUCCEEDED or record.finished_at is None:
            continue
        if record.step.kind is StepKind.SHIFT_TRAFFIC and (record.step.weight or 0) > 50:
            found.append((record.finished_at, promotion.target.deployment))
        elif record.step.kind is StepKind.RESTORE_TRAFFIC and promotion.snapshot is not None:
            found.append((record.finished_at, promotion.snapshot.stable or ""))
    return found
