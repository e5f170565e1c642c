"""Kusto literals, and Monitor's answers as domain values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.monitor.querymetrics import MetricsQueryResult

from backend.gateways.monitor import kusto
from backend.gateways.monitor.logs import as_moment, as_number
from backend.gateways.monitor.metrics import as_points

AT = "2026-11-23T17:48:00Z"


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("diabetes-endpoint", "'diabetes-endpoint'"),
        ("it's", r"'it\'s'"),
        ("a\\' or true or '", r"'a\\\' or true or \''"),
        ("two\nlines", r"'two\nlines'"),
    ],
)
def test_names_are_escaped(text, literal):
    assert kusto.literal(text) == literal


def test_no_query_uses_what_one_of_the_dialects_lacks():
    queries = [
        kusto.points("e", 60), kusto.summaries("e"), kusto.one_summary("e", "d"), kusto.statuses("e"),
        kusto.callers("e"), kusto.newest("e"), kusto.console_lines("/x/onlineEndpoints/E", "d", 5),
        kusto.event_lines("/x/onlineEndpoints/E", 5),
    ]  # fmt: skip
    for query in queries:
        assert "percentiles(" not in query
        assert "todouble" not in query
    assert all("mlops-probe" in query for query in queries[:5])
    assert "'/onlineendpoints/e'" in queries[6]


@pytest.mark.parametrize(("cell", "number"), [(None, None), ("NaN", None), (float("nan"), None), (3, 3.0), (2.5, 2.5)])
def test_cells(cell, number):
    assert as_number(cell) == number


def test_moments_are_utc():
    assert as_moment("2026-11-23T17:48:00").tzinfo is UTC
    assert as_moment(datetime(2026, 11, 23, 18, 48, tzinfo=UTC)).hour == 18


def series(name, *averages):
    data = [
        {"timeStamp": f"2026-11-23T17:4{minute}:00Z", **({} if value is None else {"average": value})}
        for minute, value in enumerate(averages)
    ]
    return {
        "id": f"/x/deployments/v1/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "displayDescription": name,
        "unit": "Percent",
        "errorCode": "Success",
        "timeseries": [{"metadatavalues": [], "data": data}],
    }


def test_platform_metrics_are_joined_by_minute():
    body = {
        "starttime": AT, "endtime": AT, "interval": "PT1M", "namespace": "n", "resourceregion": "westeurope",
        "value": [
            series("CpuUtilizationPercentage", 10.0, None, 30.0),
            series("CpuMemoryUtilizationPercentage", 1.0, 2.0, 3.0),
            series("DeploymentCapacity", 1.0, 1.0, 1.0),
            series("SomethingNew", 1.0, 1.0, 1.0),
        ],
    }  # fmt: skip
    points = as_points("v1-aaaa", MetricsQueryResult._from_generated(body))
    assert [(p.cpu_percent, p.memory_percent, p.capacity) for p in points] == [
        (10.0, 1.0, 1.0),
        (None, 2.0, 1.0),
        (30.0, 3.0, 1.0),
    ]
    assert points[1].at - points[0].at == timedelta(minutes=1)
