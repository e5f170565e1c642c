"""Azure Monitor's own rules in words: when one fires, whether it fires now, and how setup found it."""

from __future__ import annotations

from datetime import datetime

from backend.domain.azure_alerts import AzureAlerts
from backend.domain.setup import Change, PlannedResource, SetupPlan
from console.viewmodels.figures import clock
from console.viewmodels.state import Pill
from console.viewmodels.text import Untrusted

ALERT_RULE = "alert rule"
ERROR_SEVERITY = 1
"""Azure's severities: 0 critical, 1 error, 2 warning, 3 informational, 4 verbose."""

OFF = Pill("off", "quiet", "notifications_off")
QUIET = Pill("quiet", "good", "check_circle")
UNKNOWN = Pill("not known", "quiet", "help")


def azure_rules(plan: SetupPlan | None) -> tuple[PlannedResource, ...]:
    return tuple(r for r in plan.resources if r.kind == ALERT_RULE) if plan else ()


_MADE = {
    Change.NONE: Pill("as declared", "good", "check_circle"),
    Change.CREATE: Pill("not made yet", "warn", "add_circle"),
    Change.UPDATE: Pill("changed in Azure", "warn", "edit"),
    Change.UNREADABLE: Pill("cannot be read", "quiet", "visibility_off"),
}


def rule_pill(resource: PlannedResource) -> Pill:
    return _MADE[resource.change]


def now_words(rule: PlannedResource, alerts: AzureAlerts | None, now: datetime) -> Pill | None:
    """Whether a rule fires, by Azure's alerts and by what setup found; None for one that is not made yet.

    A rule that does not resolve by itself leaves its alerts fired for a month, so that they say nothing of now.
    """
    if rule.change is Change.CREATE:
        return None
    fields = {field.name: field.now for field in rule.fields}
    if fields.get("enabled") == "no":
        return OFF
    fires = alerts.of(rule.name) if alerts else None
    if fires is None:
        known = alerts is not None and not alerts.refused and rule.change is not Change.UNREADABLE
        return QUIET if known else UNKNOWN
    if fields.get("resolves by itself") == "no":
        return UNKNOWN
    tone = "bad" if fires.severity <= ERROR_SEVERITY else "warn"
    return Pill(f"fires since {clock(fires.since, now)}", tone, "notification_important")


_OPERATORS = {
    "GreaterThan": "above",
    "GreaterThanOrEqual": "at least",
    "LessThan": "below",
    "LessThanOrEqual": "at most",
    "Equals": "equal to",
}
"""Azure Monitor's names for comparisons, as a person says them."""


def fires_when(resource: PlannedResource) -> Untrusted:
    declared = next((f.declared for f in resource.fields if f.name == "fires when"), "–")
    return Untrusted(" ".join(_OPERATORS.get(part, part) for part in declared.split(" ")), 200)
