"""Platform metrics of real requests and real processes, asked through the unmodified azure-monitor-querymetrics."""

from __future__ import annotations

from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.querymetrics import MetricsClient

from tests.wire.endpoints_lab import credential, lab, wait_for

ENDPOINTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
DEPLOYMENTS = f"{ENDPOINTS}/deployments"
WINDOW = timedelta(minutes=30)


@pytest.fixture(scope="module")
def tiny(sandbox):
    return lab(sandbox)


@pytest.fixture(scope="module")
def metrics(sandbox):
    with _client(sandbox, "mlops-console") as client:
        yield client


def _client(sandbox, program):
    options = {"connection_verify": str(sandbox.ca_file), "retry_total": 0}
    return MetricsClient(sandbox.url, credential(sandbox, program), **options)


def _ask(metrics, resource, namespace, names, **more):
    asked = {"timespan": WINDOW, "granularity": timedelta(minutes=1), "aggregations": ["Average"]} | more
    [result] = metrics.query_resources(resource_ids=[resource], metric_namespace=namespace, metric_names=names, **asked)
    return {metric.name: metric for metric in result.metrics}


def _values(series, field="average"):
    return [getattr(point, field) for point in series.data if getattr(point, field) is not None]


def test_requests_are_counted_by_deployment_and_status_class(tiny, metrics):
    for _ in range(5):
        tiny.score({"x": 1}, deployment="green")
    tiny.score({"field": "BMI"}, deployment="green")

    def counted():
        found = _ask(
            metrics,
            tiny.endpoint_id,
            ENDPOINTS,
            ["RequestsPerMinute"],
            filter="deployment eq 'green' and statusCodeClass eq '*'",
            max_results=50,
        )["RequestsPerMinute"]
        totals = {series.metadata_values["statuscodeclass"]: sum(_values(series)) for series in found.timeseries}
        return found if totals.get("2xx", 0) >= 5 and totals.get("4xx", 0) >= 1 else None

    metric = wait_for(counted, 10, "the count of requests")
    assert metric.unit == "Count"
    assert {series.metadata_values["deployment"] for series in metric.timeseries} == {"green"}


def test_latencies_are_percentiles_in_order(tiny, metrics):
    tiny.score({"x": 1})
    names = [f"RequestLatency_P{percentile}" for percentile in (50, 95, 99)]

    def measured():
        found = _ask(metrics, tiny.endpoint_id, ENDPOINTS, names)
        return found if all(_values(metric.timeseries[0]) for metric in found.values()) else None

    found = wait_for(measured, 10, "a latency")
    p50, p95, p99 = (_values(found[name].timeseries[0])[-1] for name in names)
    assert 0 <= p50 <= p95 <= p99 < 5000


def test_minutes_without_requests_have_no_value(tiny, metrics):
    metric = _ask(metrics, tiny.endpoint_id, ENDPOINTS, ["RequestLatency"], timespan=timedelta(hours=6))
    points = metric["RequestLatency"].timeseries[0].data
    assert 360 <= len(points) <= 361
    assert points[0].average is None


def test_capacity_and_usage_are_measured_from_the_processes(tiny, metrics):
    names = ["CpuUtilizationPercentage", "CpuMemoryUtilizationPercentage", "DeploymentCapacity"]
    resource = f"{tiny.endpoint_id}/deployments/blue"

    def measured():
        found = _ask(metrics, resource, DEPLOYMENTS, names, aggregations=["Average", "Maximum"])
        return found if all(_values(metric.timeseries[0]) for metric in found.values()) else None

    found = wait_for(measured, 15, "a sample of the server's usage")
    assert _values(found["DeploymentCapacity"].timeseries[0], "maximum")[-1] == 1
    assert 0 <= _values(found["CpuUtilizationPercentage"].timeseries[0])[-1] <= 100
    resident = sum(process.memory_info().rss for process in tiny.servers("blue"))
    import psutil

    share = 100 * resident / psutil.virtual_memory().total
    assert _values(found["CpuMemoryUtilizationPercentage"].timeseries[0])[-1] == pytest.approx(share, rel=0.5)


def test_unknown_metric_and_dimension_are_refused(tiny, metrics):
    with pytest.raises(HttpResponseError, match="Failed to find metric configuration for metric: GpuJoy"):
        _ask(metrics, tiny.endpoint_id, ENDPOINTS, ["GpuJoy"])
    with pytest.raises(HttpResponseError, match="Metric dimension colour is not supported"):
        _ask(metrics, tiny.endpoint_id, ENDPOINTS, ["RequestsPerMinute"], filter="colour eq '*'")


def test_batch_wants_a_right_on_the_subscription(sandbox, tiny):
    with _client(sandbox, "mlops-ci-dev") as narrow, pytest.raises(HttpResponseError) as raised:
        _ask(narrow, tiny.endpoint_id, ENDPOINTS, ["RequestsPerMinute"])
    assert (raised.value.status_code, raised.value.error.code) == (403, "AuthorizationFailed")


def test_one_resource_is_served_to_its_reader_too(tiny):
    query = "metricnames=RequestsPerMinute&interval=PT5M&aggregation=Total&timespan=PT1H"
    path = "/onlineEndpoints/lab-endpoint/providers/Microsoft.Insights/metrics"
    token = credential(tiny.sandbox, "mlops-console").get_token(f"{tiny.sandbox.url}/.default").token
    answer = tiny.http.get(
        f"{tiny.sandbox.url}{tiny.workspace_id}{path}?{query}", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["interval"] == "PT5M"
    assert len(answer.json()["value"][0]["timeseries"][0]["data"]) in {12, 13}
