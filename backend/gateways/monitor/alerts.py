"""Which of Azure Monitor's own rules fire, by the alerts that Azure keeps of them.

Source: Azure Monitor REST, "Alerts - Get All". It is asked at the resource group, where our identities may read; at the
subscription they may not.
"""

from __future__ import annotations

from backend.domain.azure_alerts import FiringRule
from backend.gateways.azureml.arm import ALERTS_VERSION, ArmResources
from backend.gateways.monitor.logs import as_moment

WANTED = {"monitorCondition": "Fired", "timeRange": "30d", "pageCount": "250"}
"""The range is of when an alert fired, a day unless one asks, and Azure forgets alerts after 30 days."""


class AlertInstances:
    def __init__(self, arm: ArmResources, group_id: str) -> None:
        """`group_id` is the resource group that holds the rules and what they watch."""
        self._arm = arm
        self._group = group_id

    def firing(self) -> tuple[FiringRule, ...]:
        """The metric rules of the group that fire now, each since its earliest alert that was not resolved."""
        place = f"{self._group}/providers/Microsoft.AlertsManagement/alerts"
        rules = f"{self._group}/providers/Microsoft.Insights/metricAlerts/".lower()
        found: dict[str, FiringRule] = {}
        for alert in self._arm.chosen(place, ALERTS_VERSION, WANTED):
            essentials = alert["properties"]["essentials"]
            if not str(essentials.get("alertRule")).lower().startswith(rules):
                continue
            one = FiringRule(
                rule=str(essentials["alertRule"]),
                since=as_moment(essentials["startDateTime"]),
                severity=int(str(essentials["severity"]).removeprefix("Sev")),
            )
            before = found.get(one.key)
            found[one.key] = one if before is None or one.since < before.since else before
        return tuple(sorted(found.values(), key=lambda rule: rule.key))
