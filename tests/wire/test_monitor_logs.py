"""What the endpoint's traffic, console and events say, asked through the unmodified azure-monitor-query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsBatchQuery, LogsQueryClient, LogsQueryStatus

from tests.wire.endpoints_lab import ENDPOINT, credential, lab, wait_for

AUDIENCE = "https://api.loganalytics.io"
HOUR = timedelta(hours=1)
SUMMARY = f"""
let endpoint = '{ENDPOINT}';
AmlOnlineEndpointTrafficLog
| where EndpointName == endpoint and UserAgent == 'logs-test'
| summarize Requests=count(), Errors=countif(ResponseCode >= 500 or ResponseCode == 424),
            p50=percentile(TotalDurationMs, 50), p95=percentile(TotalDurationMs, 95),
            p99=percentile(TotalDurationMs, 99)
  by DeploymentName
"""


@pytest.fixture(scope="module")
def tiny(sandbox):
    return lab(sandbox)


@pytest.fixture(scope="module")
def guid(tiny):
    return tiny.ml.workspaces.get("endpoints-lab")._workspace_id


@pytest.fixture(scope="module")
def logs(sandbox):
    options = {"audience": AUDIENCE, "connection_verify": str(sandbox.ca_file), "retry_total": 0}
    with LogsQueryClient(credential(sandbox, "mlops-console"), endpoint=sandbox.url, **options) as client:
        yield client


@pytest.fixture(scope="module")
def traffic(tiny):
    """Twelve calls to blue, three of them refused by the model, two to green; answered before the tests begin."""
    agent = {"User-Agent": "logs-test"}
    for number in range(12):
        body = {"field": "BMI"} if number < 3 else {"x": number}
        tiny.score(body, deployment="blue", **agent)
    for _ in range(2):
        tiny.score({"x": 1}, deployment="green", **agent)
    return datetime.now(UTC)


def test_summary_by_deployment_counts_what_was_sent(logs, guid, traffic):
    def counted():
        rows = _rows(logs.query_workspace(guid, SUMMARY, timespan=HOUR))
        return rows if sum(row["Requests"] for row in rows) >= 14 else None

    rows = {row["DeploymentName"]: row for row in wait_for(counted, 10, "the traffic log")}
    assert {name: (row["Requests"], row["Errors"]) for name, row in rows.items()} == {"blue": (12, 3), "green": (2, 0)}
    assert 0 <= rows["blue"]["p50"] <= rows["blue"]["p95"] <= rows["blue"]["p99"] < 5000


def test_row_has_the_official_columns_filled(logs, guid, traffic):
    query = f"AmlOnlineEndpointTrafficLog | where UserAgent == 'logs-test' and EndpointName == '{ENDPOINT}'"
    rows = wait_for(lambda: _rows(logs.query_workspace(guid, query, timespan=HOUR)), 10, "the traffic log")
    refused = next(row for row in rows if row["ResponseCode"] == 424)
    assert (refused["ResponseCodeReason"], refused["ModelStatusCode"]) == ("model_error", 400)
    assert refused["ModelStatusReason"] == "BAD REQUEST"
    assert (refused["Method"], refused["Path"], refused["AuthType"]) == ("POST", "/score", "Key")
    assert refused["AzureMLWorkspaceName"] == "endpoints-lab"
    assert refused["RequestPayloadSize"] == len('{"field": "BMI"}')
    assert 0 <= refused["RequestDurationMs"] <= refused["ResponseDurationMs"] <= refused["TotalDurationMs"]
    assert refused["_ResourceId"].endswith(f"/onlineendpoints/{ENDPOINT}")
    assert refused["TimeGenerated"].tzinfo is not None
    assert abs(datetime.now(UTC) - refused["TimeGenerated"]) < HOUR


def test_queries_that_the_console_draws_run(logs, guid, traffic):
    source = f"AmlOnlineEndpointTrafficLog | where EndpointName == '{ENDPOINT}'"
    by_status = "by DeploymentName, ResponseCode, ResponseCodeReason, ModelStatusCode, ModelStatusReason"
    queries = [
        f"{source} | summarize n=count(), Rps=count()/60.0 by DeploymentName, bin(TimeGenerated, 1m) | order by n asc",
        f"{source} | extend Class=strcat(tostring(ResponseCode/100),'xx') | summarize n=count() by Class",
        f"{source} and ResponseCode >= 400 | summarize n=count(), one=take_any(XRequestId) {by_status} | top 20 by n",
        f"{source} and ResponseCode between (400 .. 499) and TimeGenerated > ago(1h) | count",
    ]
    requests = [LogsBatchQuery(guid, query, timespan=HOUR) for query in queries]
    results = logs.query_batch(requests)
    assert [bool(_rows(result)) for result in results] == [True] * 4
    assert {row["Class"] for row in _rows(results[1])} >= {"2xx", "4xx"}


def test_timespans_limit_what_is_seen_in_all_three_forms(logs, guid, traffic):
    query = "AmlOnlineEndpointTrafficLog | where UserAgent == 'logs-test' | count"
    wait_for(lambda: _count(logs, guid, query, HOUR) == 14, 10, "the traffic log")
    assert _count(logs, guid, query, (traffic - HOUR, timedelta(hours=2))) == 14
    assert _count(logs, guid, query, (traffic - HOUR, traffic + HOUR)) == 14
    assert _count(logs, guid, query, (traffic - 2 * HOUR, HOUR)) == 0
    assert _count(logs, guid, query, (traffic + HOUR, traffic + 2 * HOUR)) == 0


def test_console_log_and_events_of_a_deployment(logs, guid, tiny):
    console = (
        f"AmlOnlineEndpointConsoleLog | where _ResourceId endswith '/onlineendpoints/{ENDPOINT}' "
        "and DeploymentName == 'green' and Message contains 'lab model loaded' "
        "| project TimeGenerated, InstanceId, ContainerName, ContainerImageName, Message | top 5 by TimeGenerated desc"
    )
    rows = wait_for(lambda: _rows(logs.query_workspace(guid, console, timespan=HOUR)), 10, "the console log")
    assert (rows[0]["InstanceId"], rows[0]["ContainerImageName"]) == ("green-0", "tiny-env:1")
    events = "AmlOnlineEndpointEventLog | where DeploymentName == 'green' | order by TimeGenerated asc"
    names = [row["Name"] for row in _rows(logs.query_workspace(guid, events, timespan=HOUR))]
    assert names[:4] == ["Created", "Pulled", "Started", "Ready"]
    assert "TrafficUpdated" in names


def test_resource_query_sees_its_resource_only(logs, tiny, traffic):
    query = "AmlOnlineEndpointTrafficLog | summarize Endpoints=dcount(EndpointName)"
    rows = wait_for(lambda: _rows(logs.query_resource(tiny.endpoint_id, query, timespan=HOUR)), 10, "the traffic log")
    assert rows == [{"Endpoints": 1}]
    elsewhere = logs.query_resource(f"{tiny.workspace_id}/onlineEndpoints/other", query, timespan=HOUR)
    assert _rows(elsewhere) == [{"Endpoints": 0}]


@pytest.mark.parametrize(
    ("query", "inner", "innermost"),
    [
        ("NoSuchTable | take 1", "SemanticError", "SEM0100"),
        ("AmlOnlineEndpointTrafficLog | where NoSuchColumn == 1", "SemanticError", "SEM0100"),
        (
            "AmlOnlineEndpointTrafficLog | summarize (a, b)=percentiles(TotalDurationMs, 5, 95)",
            "SyntaxError",
            "SYN0002",
        ),
        ("system.tables | take 1", "SemanticError", "SEM0100"),
        ("platform.Samples | take 1", "SemanticError", "SEM0100"),
        ("set x = 1; AmlOnlineEndpointTrafficLog | take 1", "SyntaxError", "SYN0002"),
        ("AmlOnlineEndpointTrafficLog | count; AmlOnlineEndpointTrafficLog | count", "SyntaxError", "SYN0002"),
    ],
)
def test_refused_query_is_an_error_and_never_an_empty_table(logs, guid, query, inner, innermost):
    with pytest.raises(HttpResponseError) as raised:
        logs.query_workspace(guid, query, timespan=HOUR)
    error = raised.value.error
    assert (raised.value.status_code, error.code) == (400, "BadArgumentError")
    assert error.innererror["code"] == inner
    assert error.innererror["innererror"]["code"] == innermost


def test_batch_keeps_the_good_answers_of_a_partly_bad_batch(logs, guid, traffic):
    good, bad = "AmlOnlineEndpointTrafficLog | count", "NoSuchTable | count"
    first, second = logs.query_batch([LogsBatchQuery(guid, query, timespan=HOUR) for query in (good, bad)])
    assert _rows(first)[0]["Count"] > 0
    assert second.status == LogsQueryStatus.FAILURE
    assert second.code == "BadArgumentError"


def test_types_arrive_as_the_service_sends_them(logs, guid):
    query = "print a=1, b=1.5, c=datetime(2026-01-02T03:04:05Z), d=dynamic([1, 2]), e=true, f='x', g=1h, h=1.0/0"
    rows = _rows(logs.query_workspace(guid, query, timespan=HOUR))
    assert rows[0] == {
        "a": 1,
        "b": 1.5,
        "c": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "d": "[1,2]",
        "e": True,
        "f": "x",
        "g": "01:00:00",
        "h": "Infinity",
    }


def test_unknown_workspace_is_not_found(logs):
    with pytest.raises(HttpResponseError) as raised:
        logs.query_workspace("00000000-0000-4000-8000-000000000000", "print 1", timespan=HOUR)
    assert raised.value.status_code == 404


def test_token_for_another_service_is_refused(sandbox, guid):
    options = {"connection_verify": str(sandbox.ca_file), "retry_total": 0}
    foreign = credential(sandbox, "mlops-console")
    with (
        LogsQueryClient(foreign, endpoint=sandbox.url, audience="https://vault.azure.net", **options) as client,
        pytest.raises(HttpResponseError) as raised,
    ):
        client.query_workspace(guid, "print 1", timespan=HOUR)
    assert raised.value.status_code == 401


def _count(logs, guid, query, timespan):
    return _rows(logs.query_workspace(guid, query, timespan=timespan))[0]["Count"]


def _rows(result):
    assert result.status == LogsQueryStatus.SUCCESS
    table = result.tables[0]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]
