"""Alerts and objectives, in rows and words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from backend.domain.alerts import Alert, AlertState
from backend.domain.objectives import Budget, Severity, Standing
from backend.domain.setup import Change, PlannedResource, SetupPlan
from console.viewmodels.figures import ago, duration
from console.viewmodels.state import Pill
from console.viewmodels.text import Untrusted

DIAGNOSTICS = "diagnostic setting"
ADDRESS = frozenset({"endpoint", "from", "to", "chart", "range", "section", "feature", "metric"})
"""What a chart's address may select: a link that an alert carries leads to nothing else."""
FIRST_SECTION = "Traffic"
"""Where a chart is whose address names no section."""


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that began one soon after another, the loudest first."""

    alerts: tuple[Alert, ...]

    @property
    def head(self) -> Alert:
        return self.alerts[0]


def groups(alerts: Iterable[Alert]) -> tuple[Group, ...]:
    """What fires and pages first, then the newest."""
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.group, []).append(alert)
    made = [Group(tuple(sorted(one, key=_urgency))) for one in found.values()]
    return tuple(sorted(made, key=lambda group: _urgency(group.head)))


def _urgency(alert: Alert) -> tuple[bool, bool, bool, float]:
    return (
        not alert.firing,
        alert.severity is not Severity.PAGE,
        alert.state is not AlertState.OPEN,
        -alert.raised_at.timestamp(),
    )


def alert_pill(alert: Alert) -> Pill:
    if alert.state is AlertState.CLOSED:
        return Pill("closed", "quiet", "task_alt")
    if not alert.firing:
        return Pill("calm, needs its outcome", "warn", "history")
    if alert.state is AlertState.ACKNOWLEDGED:
        return Pill("fires, acknowledged", "warn", "person_alert")
    tone = "bad" if alert.severity is Severity.PAGE else "warn"
    return Pill("fires", tone, "notification_important")


def about(alert: Alert, now: datetime) -> Untrusted:
    """`Raised 4 min ago, v3 served. owner: operator.`"""
    times = f", {alert.times} times" if alert.times > 1 else ""
    calm = f", calm since {ago(alert.quiet_since, now)}" if alert.quiet_since else ""
    served = f"; v{alert.version} served" if alert.version else ""
    owner = f"{alert.owner} looks after it" if alert.owner else "nobody has taken it"
    silent = "; silenced" if alert.silenced else ""
    return Untrusted(f"Raised {ago(alert.raised_at, now)}{times}{calm}{served}; {owner}{silent}.", 240)


def address_of(alert: Alert) -> dict[str, str]:
    """What its link selects: the section, the window, the chart, and the row in it."""
    told = {name: value for name, value in parse_qsl(alert.chart) if name in ADDRESS}
    return {"section": FIRST_SECTION, **told}


def lasted(alert: Alert) -> str:
    return duration((alert.closed_at - alert.raised_at).total_seconds()) if alert.closed_at else "–"


def budget_pill(budget: Budget) -> Pill:
    if not budget.judged or budget.left is None:
        return Pill("too few calls", "quiet", "hourglass_top")
    if budget.spent:
        return Pill("spent", "bad", "error")
    return Pill("burning", "warn", "warning") if any(r.firing for r in budget.rates) else Pill("kept", "good", "check")


def budget_rows(standing: Standing) -> list[tuple[Untrusted | str, ...]]:
    """Objective, promise, what is left, bad calls, and each burn rate against its limit."""
    return [
        (
            budget.objective.measure.value.capitalize()
            + (f", {budget.objective.within_ms:g} ms" if budget.objective.within_ms else ""),
            f"{100 * budget.objective.objective:g} % in {standing.slo.budget_days} days",
            budget.left_words,
            f"{budget.bad:,} of {budget.calls:,}",
            *(_rate(rate.long, rate.short, rate.burn.factor) for rate in budget.rates),
        )
        for budget in standing.budgets
    ]


def _rate(long: float | None, short: float | None, limit: float) -> str:
    shown = (f"{value:.1f}" if value is not None else "–" for value in (long, short))
    return f"{' / '.join(shown)} (limit {limit:g})"


def missing_diagnostics(plan: SetupPlan | None, endpoint: str) -> PlannedResource | None:
    """The diagnostic setting of an endpoint where it is not as declared, and may be made so."""
    if plan is None:
        return None
    found = (r for r in plan.resources if r.kind == DIAGNOSTICS and r.where == endpoint)
    return next((r for r in found if r.change in {Change.CREATE, Change.UPDATE}), None)


def what_is_missing(resource: PlannedResource) -> Untrusted:
    if resource.change is Change.CREATE:
        return Untrusted("There is no diagnostic setting: Azure logs no call, no line and no metric of this endpoint.")
    return Untrusted("; ".join(resource.sentences), 400)
