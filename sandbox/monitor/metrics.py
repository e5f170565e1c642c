"""Platform metrics, computed from the requests that were answered and the processes that were measured.

Names, units and dimensions: Azure Monitor supported metrics for `Microsoft.MachineLearningServices/workspaces/
onlineEndpoints` and `.../onlineEndpoints/deployments`. What was never measured here (GPU, disk, network) is not
offered. A minute without a measurement is a point without a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.arm.ids import parse
from sandbox.monitor.columns import SAMPLES, TRAFFIC, select
from sandbox.monitor.errors import MetricsError, store_failures
from sandbox.monitor.store import Session, literal
from sandbox.monitor.tables import store
from sandbox.world import World

ENDPOINTS = "microsoft.machinelearningservices/workspaces/onlineendpoints"
DEPLOYMENTS = f"{ENDPOINTS}/deployments"
INTERVALS = {
    "PT1M": 1,
    "PT5M": 5,
    "PT15M": 15,
    "PT30M": 30,
    "PT1H": 60,
    "PT6H": 360,
    "PT12H": 720,
    "P1D": 1_440,
}
AGGREGATIONS = ("Average", "Minimum", "Maximum", "Total", "Count")
MAX_POINTS = 20_000


@dataclass(frozen=True, slots=True)
class Metric:
    """`value` is SQL: over the requests of one minute, or a column of one sample. `dimensions` name -> SQL."""

    unit: str
    value: str
    table: str = TRAFFIC
    dimensions: Mapping[str, str] = field(default_factory=dict)
    rate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is wanted of each resource: `split` are dimensions with `*`, `only` dimensions with values."""

    namespace: str
    names: Sequence[str]
    start: datetime
    end: datetime
    interval: str
    aggregations: Sequence[str]
    split: Sequence[str] = ()
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    top: int = 10


_STATUS = {
    "deployment": "DeploymentName",
    "statusCode": "toString(ResponseCode)",
    "statusCodeClass": "concat(toString(intDiv(ResponseCode, 100)), 'xx')",
    "modelStatusCode": "toString(ModelStatusCode)",
}
_BY_DEPLOYMENT = {"deployment": "DeploymentName"}
_INSTANCE = {"instanceId": "InstanceId"}


def _latencies(dimensions: Mapping[str, str]) -> dict[str, Metric]:
    quantiles = {f"RequestLatency_P{p}": f"quantileExact({p / 100})(TotalDurationMs)" for p in (50, 90, 95, 99)}
    return {name: Metric("Milliseconds", value, dimensions=dimensions) for name, value in quantiles.items()}


METRICS: Mapping[str, Mapping[str, Metric]] = {
    ENDPOINTS: {
        "RequestsPerMinute": Metric("Count", "count()", dimensions=_STATUS, rate=True),
        "RequestLatency": Metric("Milliseconds", "avg(TotalDurationMs)", dimensions=_BY_DEPLOYMENT),
        **_latencies(_BY_DEPLOYMENT),
    },
    DEPLOYMENTS: {
        "RequestsPerMinute": Metric(
            "Count", "count()", dimensions={"envoy_response_code": "toString(ResponseCode)"}, rate=True
        ),
        **_latencies({}),
        "CpuUtilizationPercentage": Metric("Percent", "CpuPercent", SAMPLES, _INSTANCE),
        "CpuMemoryUtilizationPercentage": Metric("Percent", "MemoryPercent", SAMPLES, _INSTANCE),
        "DeploymentCapacity": Metric(
            "Count", "Instances", SAMPLES, {**_INSTANCE, "State": "if(Instances > 0, 'Ready', 'NotReady')"}
        ),
    },
}


def measured(world: World, resource_id: str, wanted: Request) -> list[dict[str, Any]]:
    """One object per metric, as in `value` of both metrics APIs; MetricsError 400 for what is not offered."""
    offered = METRICS.get(wanted.namespace.lower())
    if offered is None or parse(resource_id).type != wanted.namespace.lower():
        raise _bad_request(f"{resource_id} has no metrics in the namespace {wanted.namespace}.")
    _check(wanted)
    chosen = [_named(offered, name) for name in wanted.names]
    statements = [_sql(resource_id, metric, wanted) for _, metric in chosen]

    def ask(session: Session) -> list[list[dict[str, Any]]]:
        return [session.sql(statement) for statement in statements]

    with store_failures(MetricsError):
        answers = store(world).ask(ask)
    return [
        _shaped(resource_id, name, metric, rows, wanted) for (name, metric), rows in zip(chosen, answers, strict=True)
    ]


def by_minute(world: World, resource_id: str, wanted: Request) -> list[dict[str, Any]]:
    """The minutes in which the first of the metrics was measured, as rows with `at` (a time stamp), the aggregations,
    and `d0`, `d1`, ... for the dimensions in `split`; MetricsError as above, but for any number of points.
    """
    _, metric = _named(METRICS.get(wanted.namespace.lower(), {}), wanted.names[0])
    statement = _sql(resource_id, metric, wanted)
    with store_failures(MetricsError):
        rows: list[dict[str, Any]] = store(world).ask(lambda session: session.sql(statement))
    return rows


def _named(offered: Mapping[str, Metric], name: str) -> tuple[str, Metric]:
    for known, metric in offered.items():
        if known.lower() == name.lower():
            return known, metric
    valid = ",".join(offered)
    raise _bad_request(f"Failed to find metric configuration for metric: {name}. Valid metrics: {valid}")


def _check(wanted: Request) -> None:
    if wanted.interval not in INTERVALS:
        raise _bad_request(f"Detected invalid time grain input {wanted.interval}. Valid: {','.join(INTERVALS)}")
    unknown = [name for name in wanted.aggregations if name not in AGGREGATIONS]
    if unknown:
        raise _bad_request(f"Invalid aggregation {unknown[0]}. Valid: {','.join(AGGREGATIONS)}")
    if wanted.end <= wanted.start:
        raise _bad_request("The start time must be before the end time.")
    if (wanted.end - wanted.start) / timedelta(minutes=INTERVALS[wanted.interval]) > MAX_POINTS:
        raise _bad_request(f"More than {MAX_POINTS} points were asked for; use a longer interval.")


def _sql(resource_id: str, metric: Metric, wanted: Request) -> str:
    identity = parse(resource_id)
    split = {name: _dimension(metric, name) for name in wanted.split}
    where = [
        f"TimeGenerated >= {_time(_floor(wanted.start, wanted.interval))}",
        f"TimeGenerated < {_time(wanted.end)}",
        _owner(identity.key, metric, wanted.namespace),
    ]
    for name, values in wanted.only.items():
        where.append(f"lower({_dimension(metric, name)}) IN ({', '.join(literal(v.lower()) for v in values)})")
    names = {f"d{index}": expression for index, expression in enumerate(split.values())}
    by = "".join(f", {name}" for name in names)
    minutes = INTERVALS[wanted.interval]
    per_minute = select(
        {"minute": "toStartOfMinute(TimeGenerated)", **names, "v": f"toFloat64({metric.value})"},
        metric.table,
        tail=f"WHERE {' AND '.join(where)}" + (f" GROUP BY minute{by}" if metric.table == TRAFFIC else ""),
    )
    points = {
        "at": f"toUnixTimestamp(toStartOfInterval(minute, INTERVAL {minutes} MINUTE))",
        **{name: name for name in names},
        "average": f"sum(v) / {minutes}" if metric.rate else "avg(v)",
        "minimum": "min(v)",
        "maximum": "max(v)",
        "total": "sum(v)",
        "count": "count()",
    }
    return select(points, f"({per_minute})", tail=f"GROUP BY at{by} ORDER BY at")


def _owner(key: str, metric: Metric, namespace: str) -> str:
    if metric.table == SAMPLES:
        return f"ResourceId = {literal(key)}"
    if namespace.lower() == ENDPOINTS:
        return f"_ResourceId = {literal(key)}"
    endpoint, _, deployment = key.partition("/deployments/")
    return f"_ResourceId = {literal(endpoint)} AND lower(DeploymentName) = {literal(deployment)}"


def _dimension(metric: Metric, name: str) -> str:
    for known, expression in metric.dimensions.items():
        if known.lower() == name.lower():
            return expression
    offered = ",".join(metric.dimensions) or "none"
    raise _bad_request(f"Metric dimension {name} is not supported. Supported ones are: {offered}")


def _shaped(
    resource_id: str, name: str, metric: Metric, rows: Sequence[Mapping[str, Any]], wanted: Request
) -> dict[str, Any]:
    series: dict[tuple[str, ...], dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        series.setdefault(tuple(str(row[f"d{i}"]) for i in range(len(wanted.split))), {})[int(row["at"])] = row
    if not wanted.split and not series:
        series[()] = {}
    shown = list(series.items())[: wanted.top] if wanted.split else list(series.items())
    return {
        "id": f"{resource_id}/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "displayDescription": f"{name} of {parse(resource_id).name}",
        "unit": metric.unit,
        "errorCode": "Success",
        "timeseries": [
            {
                "metadatavalues": [
                    {"name": {"value": dimension.lower(), "localizedValue": dimension.lower()}, "value": value}
                    for dimension, value in zip(wanted.split, values, strict=True)
                ],
                "data": _points(found, wanted),
            }
            for values, found in shown
        ],
    }


def _points(found: Mapping[int, Mapping[str, Any]], wanted: Request) -> list[dict[str, Any]]:
    points = []
    step = timedelta(minutes=INTERVALS[wanted.interval])
    at = _floor(wanted.start, wanted.interval)
    while at < wanted.end:
        row = found.get(int(at.timestamp()), {})
        values = {name.lower(): row[name.lower()] for name in wanted.aggregations if name.lower() in row}
        points.append({"timeStamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), **values})
        at += step
    return points


def _floor(moment: datetime, interval: str) -> datetime:
    seconds = INTERVALS[interval] * 60
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


def _time(moment: datetime) -> str:
    return f"toDateTime64('{moment.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S.%f')}', 6, 'UTC')"


def _bad_request(message: str) -> MetricsError:
    return MetricsError(400, "BadRequest", message)
