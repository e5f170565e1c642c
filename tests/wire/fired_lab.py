"""Gives a world a past before it starts: rules written five hours ago, and calls that made them fire.

    python -m tests.wire.fired_lab HOME

runs in the sandbox's environment, where chDB is, and prints the minute that the past leads up to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.accounts import SUBSCRIPTION
from sandbox.arm import resources
from sandbox.monitor import tables
from sandbox.monitor.alert_rules import CRITERIA
from sandbox.world import Settings, open_world

GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/fired"
ENDPOINT_ID = (
    f"{GROUP_ID}/providers/Microsoft.MachineLearningServices/workspaces/fired-prod/onlineEndpoints/diabetes-endpoint"
)
NAMESPACE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
HOURS = 5
MINUTE = timedelta(minutes=1)


def of_class(value: str, above: float, **more: Any) -> dict[str, Any]:
    dimension = {"name": "statusCodeClass", "operator": "Include", "values": [value]}
    return condition("RequestsPerMinute", above, dimensions=[dimension], **more)


def condition(metric: str, above: float, **more: Any) -> dict[str, Any]:
    known = {"criterionType": "StaticThresholdCriterion", "metricNamespace": NAMESPACE, "operator": "GreaterThan"}
    return {**known, "metricName": metric, "timeAggregation": "Average", "threshold": above, "dimensions": [], **more}


RULES: dict[str, dict[str, Any]] = {
    "Server-Errors": {"severity": 1, "criteria": {"odata.type": CRITERIA, "allOf": [of_class("5xx", 1.0)]}},
    "slow-answers": {"criteria": {"odata.type": CRITERIA, "allOf": [condition("RequestLatency_P95", 1000.0)]}},
    "off": {"enabled": False, "criteria": {"odata.type": CRITERIA, "allOf": [of_class("5xx", 1.0)]}},
    "each-time": {
        "autoMitigate": False,
        "windowSize": "PT1M",
        "criteria": {"odata.type": CRITERIA, "allOf": [of_class("4xx", 0.5)]},
    },
    "of-an-older-world": {"criteria": {"odata.type": "Other", "allOf": []}},
}


def calls(until: datetime) -> Iterator[tuple[datetime, int, int]]:
    """Moment, status, milliseconds: wrong input all the time, slow for ten of them, failing for twenty minutes."""
    for back in range(60 * HOURS - 10, 0, -1):
        yield until - back * MINUTE, 424, 20
    for back in range(100, 90, -1):
        yield until - back * MINUTE + timedelta(seconds=1), 200, 5000
    for back in range(20, -1, -1):
        yield from [(until - back * MINUTE + timedelta(seconds=2), 503, 20)] * 10


def main(home: Path) -> datetime:
    until = datetime.now(UTC).replace(second=0, microsecond=0)
    opened = open_world(Settings(home=home, runtime_python=Path("python"), runner_python=Path("python")))
    world = replace(opened, now=lambda: until - timedelta(hours=HOURS))
    resources.put(world, GROUP_ID, {"location": "westeurope"})
    resources.put(world, ENDPOINT_ID, {"location": "westeurope", "properties": {}})
    known = {
        "enabled": True,
        "severity": 2,
        "scopes": [ENDPOINT_ID],
        "windowSize": "PT5M",
        "evaluationFrequency": "PT1M",
    }
    for name, properties in RULES.items():
        place = f"{GROUP_ID}/providers/Microsoft.Insights/metricAlerts/{name}"
        resources.put(
            world, place, {"location": "global", "properties": {**known, "scopes": [ENDPOINT_ID], **properties}}
        )
    for at, status, milliseconds in calls(until):
        row = {"DeploymentName": "v1", "ResponseCode": status, "TotalDurationMs": milliseconds}
        tables.record_traffic(world, {**row, "TimeGenerated": tables.timestamp(at), "_ResourceId": ENDPOINT_ID})
    tables.close(world)
    world.documents.close()
    return until


if __name__ == "__main__":
    print(main(Path(sys.argv[1])).isoformat())
