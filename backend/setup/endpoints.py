"""The test and the production endpoint, their logs, and the alert rules on production."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backend.gateways.azureml.arm import ACTION_GROUP_VERSION, ALERT_VERSION, DIAGNOSTICS_VERSION, ArmResources
from backend.settings_project import Project
from backend.setup.arm_resource import Document, arm_resource, name_in
from backend.setup.declaration import AlertRule, Declaration
from backend.setup.resource import Resource, words
from backend.setup.workspaces import Place

DIAGNOSTIC_NAME = "mlops-console"
NAMESPACE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
CRITERIA = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"


def endpoint_resources(
    project: Project, declared: Declaration, arm: ArmResources, prod: Place, logs_id: str
) -> Sequence[Resource]:
    found: list[Resource] = []
    for name in (project.test_endpoint, project.endpoint):
        found.append(_endpoint(declared, prod, name))
        found.append(_diagnostics(declared, arm, prod, name, logs_id))
    found.append(_action_group(project, declared, arm))
    found += [
        _alert(project, declared, arm, rule, prod.workspace.endpoint_id(project.endpoint))
        for rule in declared.alerts.rules
    ]
    return found


def _endpoint(declared: Declaration, prod: Place, name: str) -> Resource:
    def look() -> Mapping[str, str] | None:
        now = prod.foundation.endpoint_mode(name)
        return None if now is None else {"auth mode": now.lower()}

    return Resource(
        kind="endpoint",
        name=name,
        where=prod.workspace.name,
        declared=lambda: {"auth mode": declared.endpoint.auth_mode},
        look=look,
        make=lambda: prod.foundation.create_endpoint(
            name, declared.endpoint.auth_mode, "Diabetes risk for practitioners"
        ),
    )


def _diagnostics(declared: Declaration, arm: ArmResources, prod: Place, endpoint: str, logs_id: str) -> Resource:
    def read(found: Document) -> Mapping[str, str]:
        rules = found.get("properties") or {}
        return {
            "logs": words(sorted(_enabled(rules.get("logs")))),
            "metrics": words(sorted(_enabled(rules.get("metrics")))),
            "log workspace": name_in(rules.get("workspaceId")),
        }

    return arm_resource(
        arm,
        kind="diagnostic setting",
        name=DIAGNOSTIC_NAME,
        where=endpoint,
        at=f"{prod.workspace.endpoint_id(endpoint)}/providers/Microsoft.Insights/diagnosticSettings/{DIAGNOSTIC_NAME}",
        version=DIAGNOSTICS_VERSION,
        body=lambda: {
            "properties": {
                "workspaceId": logs_id,
                "logs": [{"category": category, "enabled": True} for category in declared.endpoint.logs],
                "metrics": [{"category": "AllMetrics", "enabled": True}],
            }
        },
        read=read,
    )


def _enabled(entries: Sequence[Mapping[str, Any]] | None) -> list[str]:
    return [str(entry["category"]) for entry in entries or () if entry.get("enabled")]


def _group_id(project: Project, declared: Declaration) -> str:
    return f"{project.group_id}/providers/Microsoft.Insights/actionGroups/{declared.alerts.group}"


def _action_group(project: Project, declared: Declaration, arm: ArmResources) -> Resource:
    def read(found: Document) -> Mapping[str, str]:
        rules = found.get("properties") or {}
        written_to = [str(one["emailAddress"]) for one in rules.get("emailReceivers") or ()]
        return {"enabled": words(rules.get("enabled")), "e-mail": words(sorted(written_to))}

    return arm_resource(
        arm,
        kind="action group",
        name=declared.alerts.group,
        where=project.resource_group,
        at=_group_id(project, declared),
        version=ACTION_GROUP_VERSION,
        body=lambda: {
            "location": "Global",
            "properties": {
                "groupShortName": declared.alerts.group[:12],
                "enabled": True,
                "emailReceivers": [
                    {"name": address, "emailAddress": address, "useCommonAlertSchema": True}
                    for address in declared.alerts.email
                ],
            },
        },
        read=read,
    )


def _alert(project: Project, declared: Declaration, arm: ArmResources, rule: AlertRule, endpoint: str) -> Resource:
    name = f"{project.endpoint}-{rule.name}"
    return arm_resource(
        arm,
        kind="alert rule",
        name=name,
        where=project.endpoint,
        at=f"{project.group_id}/providers/Microsoft.Insights/metricAlerts/{name}",
        version=ALERT_VERSION,
        body=lambda: _alert_body(rule, endpoint, _group_id(project, declared)),
        read=_read_alert,
    )


def _alert_body(rule: AlertRule, endpoint: str, group: str) -> dict[str, Any]:
    dimensions = [{"name": rule.dimension, "operator": "Include", "values": list(rule.values)}]
    criterion = {
        "name": rule.name,
        "criterionType": "StaticThresholdCriterion",
        "metricNamespace": NAMESPACE,
        "metricName": rule.metric,
        "operator": "GreaterThan",
        "threshold": rule.above,
        "timeAggregation": "Average",
        "dimensions": dimensions if rule.dimension else [],
    }
    return {
        "location": "global",
        "properties": {
            "description": f"{rule.metric} above {rule.above:g}",
            "severity": rule.severity,
            "enabled": True,
            "scopes": [endpoint],
            "evaluationFrequency": rule.every,
            "windowSize": rule.window,
            "criteria": {"odata.type": CRITERIA, "allOf": [criterion]},
            "autoMitigate": True,
            "actions": [{"actionGroupId": group}],
        },
    }


def _read_alert(found: Document) -> Mapping[str, str]:
    rules = found.get("properties") or {}
    criteria = (rules.get("criteria") or {}).get("allOf") or []
    return {
        "enabled": words(rules.get("enabled")),
        "resolves by itself": words(rules.get("autoMitigate")),
        "fires when": words([_criterion(one) for one in criteria]),
        "window": words(rules.get("windowSize")),
        "looked at every": words(rules.get("evaluationFrequency")),
        "severity": words(rules.get("severity")),
        "watches": words([name_in(scope) for scope in rules.get("scopes") or ()]),
        "tells": words([name_in(action.get("actionGroupId")) for action in rules.get("actions") or ()]),
    }


def _criterion(one: Mapping[str, Any]) -> str:
    of = "".join(f" of {d['name']} {', '.join(d['values'])}" for d in one.get("dimensions") or ())
    return f"{one.get('timeAggregation')} {one.get('metricName')}{of} {one.get('operator')} {float(one['threshold']):g}"
