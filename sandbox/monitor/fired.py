"""The alerts of the stored rules as ARM tells them, judged anew from what was measured each time somebody asks."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sandbox.accounts import SUBSCRIPTION
from sandbox.arm import resources
from sandbox.arm.ids import parse
from sandbox.monitor.alert_rules import (
    Criterion,
    Fired,
    Minute,
    Rule,
    Series,
    UnjudgedError,
    judged,
    read_rule,
)
from sandbox.monitor.metrics import AGGREGATIONS, Request, by_minute
from sandbox.state.documents import Document
from sandbox.world import World

log = logging.getLogger(__name__)

RULES = "/providers/microsoft.insights/metricalerts/"


def alerts(world: World) -> Iterator[Document]:
    """Every alert of the last 30 days, whatever its condition is now. MetricsError where metrics cannot be read."""
    now = world.now()
    for key, resource in world.documents.list(resources.KIND):
        if RULES not in key:
            continue
        try:
            rule = read_rule(resource)
        except UnjudgedError as error:
            log.warning("The alert rule %s is not judged: %s", key, error)
            continue
        for values, series in _series(world, rule, now):
            yield from (_told(rule, values, one) for one in judged(rule, series, now))


def _series(world: World, rule: Rule, now: datetime) -> list[tuple[str, Sequence[Series]]]:
    """The time series that the rule watches: one a combination of values, or one of each criterion together."""
    if not rule.enabled:
        return []
    measured = [_measured(world, rule, criterion, now) for criterion in rule.criteria]
    if len(measured) == 1:
        return [(values, [minutes]) for values, minutes in measured[0].items()]
    return [("", [next(iter(found.values()), {}) for found in measured])]


def _measured(world: World, rule: Rule, criterion: Criterion, now: datetime) -> dict[str, Series]:
    wanted = Request(
        namespace=criterion.namespace,
        names=[criterion.metric],
        start=rule.judged_from(now) - timedelta(minutes=rule.window),
        end=now,
        interval="PT1M",
        aggregations=AGGREGATIONS,
        split=list(criterion.dimensions),
        only={name: values for name, values in criterion.dimensions.items() if "*" not in values},
    )
    found: dict[str, dict[int, Minute]] = {}
    for row in by_minute(world, rule.scope, wanted):
        values = "/".join(str(row[f"d{place}"]) for place in range(len(criterion.dimensions)))
        minute = Minute(row["total"], row["count"], row["minimum"], row["maximum"])
        found.setdefault(values, {})[int(row["at"]) // 60] = minute
    return dict(found)


def _told(rule: Rule, values: str, one: Fired) -> Document:
    """Source: azure-rest-api-specs, Microsoft.AlertsManagement 2019-03-01, `Alerts_GetAll`."""
    source = str(uuid.uuid5(uuid.UUID(SUBSCRIPTION), f"{rule.id.lower()}|{values}"))
    name = uuid.uuid5(uuid.UUID(source), one.since.isoformat())
    target = parse(rule.scope)
    ended = {"monitorConditionResolvedDateTime": _utc(one.resolved)} if one.resolved else {}
    essentials = {
        "severity": f"Sev{rule.severity}",
        "signalType": "Metric",
        "alertState": "New",
        "monitorCondition": "Resolved" if one.resolved else "Fired",
        "monitorService": "Platform",
        "targetResource": target.key,
        "targetResourceName": target.name.lower(),
        "targetResourceGroup": target.group.lower(),
        "targetResourceType": target.type,
        "sourceCreatedId": source,
        "alertRule": rule.id,
        "startDateTime": _utc(one.since),
        "lastModifiedDateTime": _utc(one.resolved or one.since),
        "lastModifiedUserName": "System",
        **ended,
        "actionStatus": {"isSuppressed": False},
        "description": rule.description,
    }
    return {
        "properties": {"essentials": essentials},
        "id": f"{target.key}/providers/Microsoft.AlertsManagement/alerts/{name}",
        "type": "Microsoft.AlertsManagement/alerts",
        "name": rule.name,
    }


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
