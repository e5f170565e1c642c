"""The tables of the Log Analytics workspace, column by column as Azure documents them.

Source: Azure Monitor table reference, AmlOnlineEndpointTrafficLog, AmlOnlineEndpointConsoleLog,
AmlOnlineEndpointEventLog and AzureMetrics. `_TimeReceived` is stored beside every row but, as in the service,
is not part of what a query without `project` returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRAFFIC = "AmlOnlineEndpointTrafficLog"
CONSOLE = "AmlOnlineEndpointConsoleLog"
EVENTS = "AmlOnlineEndpointEventLog"
METRICS = "AzureMetrics"
SAMPLES = "platform.Samples"

Columns = Mapping[str, str]

_TIME = "DateTime64(3, 'UTC')"
_STANDARD: Columns = {
    "SourceSystem": "LowCardinality(String)",
    "TenantId": "LowCardinality(String)",
    "Type": "LowCardinality(String)",
    "_ResourceId": "LowCardinality(String)",
    "_SubscriptionId": "LowCardinality(String)",
    "_BilledSize": "Float64",
    "_IsBillable": "LowCardinality(String)",
}

SCHEMAS: Mapping[str, Columns] = {
    TRAFFIC: {
        "TimeGenerated": _TIME,
        "EndpointName": "LowCardinality(String)",
        "DeploymentName": "LowCardinality(String)",
        "Method": "LowCardinality(String)",
        "Path": "LowCardinality(String)",
        "Protocol": "LowCardinality(String)",
        "AuthType": "LowCardinality(String)",
        "IdentityData": "LowCardinality(String)",
        "Location": "LowCardinality(String)",
        "OperationName": "LowCardinality(String)",
        "UserAgent": "LowCardinality(String)",
        "XRequestId": "String",
        "XMSClientRequestId": "String",
        "AzureMLWorkspaceId": "LowCardinality(String)",
        "AzureMLWorkspaceName": "LowCardinality(String)",
        "ResponseCode": "Int32",
        "ResponseCodeReason": "LowCardinality(String)",
        "ModelStatusCode": "Int32",
        "ModelStatusReason": "LowCardinality(String)",
        "RequestPayloadSize": "Int32",
        "ResponsePayloadSize": "Int32",
        "TotalDurationMs": "Int32",
        "RequestDurationMs": "Int32",
        "ResponseDurationMs": "Int32",
        "RequestThrottlingDelayMs": "Int32",
        "ResponseThrottlingDelayMs": "Int32",
        **_STANDARD,
    },
    CONSOLE: {
        "TimeGenerated": _TIME,
        "DeploymentName": "LowCardinality(String)",
        "InstanceId": "LowCardinality(String)",
        "ContainerName": "LowCardinality(String)",
        "ContainerImageName": "LowCardinality(String)",
        "Message": "String",
        "OperationName": "LowCardinality(String)",
        **_STANDARD,
    },
    EVENTS: {
        "TimeGenerated": _TIME,
        "DeploymentName": "LowCardinality(String)",
        "InstanceId": "LowCardinality(String)",
        "Name": "LowCardinality(String)",
        "Message": "String",
        "OperationName": "LowCardinality(String)",
        **_STANDARD,
    },
    SAMPLES: {
        "TimeGenerated": _TIME,
        "ResourceId": "LowCardinality(String)",
        "InstanceId": "LowCardinality(String)",
        "CpuPercent": "Float64",
        "MemoryPercent": "Float64",
        "Instances": "Int32",
    },
}

_LATENCIES = {
    "RequestLatency": "avg(TotalDurationMs)",
    "RequestLatency_P50": "quantileExact(0.5)(TotalDurationMs)",
    "RequestLatency_P90": "quantileExact(0.9)(TotalDurationMs)",
    "RequestLatency_P95": "quantileExact(0.95)(TotalDurationMs)",
    "RequestLatency_P99": "quantileExact(0.99)(TotalDurationMs)",
}
_MINUTE = {"Minute": "toStartOfMinute(TimeGenerated)"}
_UTILISATIONS = {"CpuUtilizationPercentage": "CpuPercent", "CpuMemoryUtilizationPercentage": "MemoryPercent"}


def declarations() -> list[str]:
    """The SQL that makes an empty workspace; every statement may run again on a full one."""
    statements = ["CREATE DATABASE IF NOT EXISTS default ENGINE = Atomic", "CREATE DATABASE IF NOT EXISTS platform"]
    for table, columns in SCHEMAS.items():
        declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {table} ({declared}, "
            f"_TimeReceived {_TIME} MATERIALIZED now64(3, 'UTC')) "
            "ENGINE = MergeTree ORDER BY TimeGenerated TTL toDateTime(TimeGenerated) + INTERVAL 30 DAY"
        )
    statements.append(f"CREATE OR REPLACE VIEW {METRICS} AS {_exported_metrics()}")
    return statements


def with_defaults(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the columns every table of the service carries; KeyError for a column the table lacks."""
    columns = SCHEMAS[table]
    unknown = row.keys() - columns.keys()
    if unknown:
        raise KeyError(f"{table} has no column {', '.join(sorted(unknown))}")
    standard = {"SourceSystem": "Azure", "Type": table, "_IsBillable": "true"}
    return {**{name: value for name, value in standard.items() if name in columns}, **row}


def _exported_metrics() -> str:
    """What a diagnostic setting exports each minute: latencies by endpoint, utilisation by deployment."""
    parts = [_requests_part(name, expression) for name, expression in _LATENCIES.items()]
    parts += [_samples_part(name, column) for name, column in _UTILISATIONS.items()]
    shown = {
        "TimeGenerated": "toDateTime64(Minute, 3, 'UTC')",
        "Resource": "splitByChar('/', Id)[-1]",
        "ResourceGroup": "splitByChar('/', Id)[5]",
        "ResourceProvider": "'MICROSOFT.MACHINELEARNINGSERVICES'",
        "MetricName": "Metric",
        "Average": "Mean",
        "Minimum": "Least",
        "Maximum": "Most",
        "Total": "Total_",
        "Count": "toFloat64(Samples)",
        "TimeGrain": "'PT1M'",
        "UnitName": "Unit",
        "SourceSystem": "'Azure'",
        "Type": f"'{METRICS}'",
        "_ResourceId": "Id",
    }
    return select(shown, f"({' UNION ALL '.join(parts)})")


def _requests_part(name: str, expression: str) -> str:
    columns = {
        **_MINUTE,
        "Metric": f"'{name}'",
        "Id": "_ResourceId",
        "Mean": f"toFloat64({expression})",
        "Least": "toFloat64(min(TotalDurationMs))",
        "Most": "toFloat64(max(TotalDurationMs))",
        "Total_": "toFloat64(sum(TotalDurationMs))",
        "Samples": "count()",
        "Unit": "'MilliSeconds'",
    }
    return select(columns, TRAFFIC, tail="GROUP BY Minute, Id")


def _samples_part(name: str, column: str) -> str:
    columns = {
        **_MINUTE,
        "Metric": f"'{name}'",
        "Id": "ResourceId",
        "Mean": f"avg({column})",
        "Least": f"min({column})",
        "Most": f"max({column})",
        "Total_": f"sum({column})",
        "Samples": "count()",
        "Unit": "'Percent'",
    }
    return select(columns, SAMPLES, tail="WHERE Instances > 0 GROUP BY Minute, Id")


def select(columns: Mapping[str, str], source: str, *, tail: str = "") -> str:
    """`SELECT expression AS name, ... FROM source tail`."""
    listed = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    return " ".join(["SELECT", listed, "FROM", source, tail])
