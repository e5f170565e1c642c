"""What a rollout asks of Azure through our gateways: load, a mirror, slow calls, scores of the log, saturation."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from backend.bootstrap import connect
from backend.domain.decisions import LoadPlan
from backend.errors import RemoteRejected
from backend.gateways.azureml.endpoints import Endpoints
from backend.promotion.steps.load_test import measure
from tests.wire.endpoints_lab import ENDPOINT, GROUP, WORKSPACE, lab, wait_for
from tests.wire.gateways_world import PROJECT, settings_of

KEPT: list[Endpoints] = []
"""For the life of the process, as in the product: a client that is collected with open connections warns."""

SCORES = json.dumps({"x": 1, "say": 'mlops-scores {"positives":1,"risks":[0.81,0.2]}'}).encode()


@pytest.fixture(scope="module")
def tiny(sandbox):
    return lab(sandbox)


@pytest.fixture(scope="module")
def gateways(tiny, tmp_path_factory):
    names = {"resource_group": GROUP, "prod_workspace": WORKSPACE, "dev_workspace": WORKSPACE, "endpoint": ENDPOINT}
    guid = tiny.ml.workspaces.get(WORKSPACE)._workspace_id
    project = PROJECT.model_copy(update=names | {"log_workspace_id": guid})
    return connect(settings_of(tiny.sandbox, tmp_path_factory.mktemp("ours"), project))


@pytest.fixture(scope="module")
def ours(gateways):
    KEPT.append(Endpoints(gateways.prod))
    return KEPT[0]


@pytest.fixture
def endpoints(tiny, ours):
    """All calls to blue; afterwards 90/10 again and no mirror."""
    tiny.set_traffic({"blue": 100})
    yield ours
    tiny.set_traffic({"blue": 90, "green": 10})


def settled(endpoints, ready):
    return wait_for(lambda: (found := endpoints.get(ENDPOINT)) and ready(found) and found, 10, "the endpoint's update")


def test_a_load_through_the_candidates_header_is_bounded_and_counted(endpoints):
    asked = []

    def answered(number):
        asked.append(number)
        body = json.dumps({"field": "BMI"} if number % 10 == 0 else {"x": number}).encode()
        return endpoints.raw_score(ENDPOINT, body, "green").status == 200

    found = measure(answered, LoadPlan(requests=60, at_a_time=4), datetime.now(UTC))
    assert (found.requests, found.errors, found.at_a_time, sorted(asked)) == (60, 6, 4, list(range(60)))
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms
    assert found.per_second > 0


def test_a_load_ends_when_its_time_is_over(endpoints):
    def slow(_number):
        return endpoints.raw_score(ENDPOINT, json.dumps({"sleep": 0.3}).encode(), "green").status == 200

    began = time.monotonic()
    found = measure(slow, LoadPlan(requests=400, at_a_time=4), datetime.now(UTC), limit=1.0)
    assert 4 <= found.requests < 60
    assert time.monotonic() - began < 20


def test_a_mirror_is_set_kept_by_traffic_and_ended(tiny, endpoints, gateways):
    began = datetime.now(UTC) - timedelta(seconds=2)
    endpoints.set_mirror(ENDPOINT, {"green": 50})
    found = settled(endpoints, lambda e: e.mirror_traffic)
    assert (found.mirror_traffic, found.traffic) == ({"green": 50}, {"blue": 100})
    with pytest.raises(RemoteRejected, match="mirrored traffic"):
        endpoints.set_traffic(ENDPOINT, {"blue": 50, "green": 50})
    with pytest.raises(RemoteRejected, match="mirrored"):
        endpoints.delete_deployment(ENDPOINT, "green")
    endpoints.set_traffic(ENDPOINT, {"blue": 100})
    assert settled(endpoints, lambda e: e.traffic).mirror_traffic == {"green": 50}
    answers = {tiny.score({"x": 1}, **{"User-Agent": "ward/1"}).headers["azureml-model-deployment"] for _ in range(40)}
    assert answers == {"blue"}

    def copied():
        return gateways.logs.summary(ENDPOINT, "green", began, datetime.now(UTC)).requests >= 5

    wait_for(copied, 20, "copies in the traffic log")
    endpoints.set_mirror(ENDPOINT, {})
    assert settled(endpoints, lambda e: not e.mirror_traffic).traffic == {"blue": 100}


@pytest.mark.parametrize(
    ("weights", "words"),
    [({"green": 51}, "At most 50 %"), ({"blue": 10}, "receives live traffic"), ({"red": 10}, "does not exist")],
)
def test_azures_limits_of_a_mirror(endpoints, weights, words):
    with pytest.raises(RemoteRejected, match=words):
        endpoints.set_mirror(ENDPOINT, weights)


def test_slow_calls_are_counted_without_our_probes(endpoints, gateways):
    began = datetime.now(UTC) - timedelta(seconds=1)
    for probe in (True, False, False):
        endpoints.raw_score(ENDPOINT, json.dumps({"sleep": 0.4}).encode(), "green", probe=probe)
    endpoints.raw_score(ENDPOINT, b'{"x": 1}', "green", probe=False)

    def slower(milliseconds):
        return gateways.logs.slower(ENDPOINT, "green", milliseconds, began, datetime.now(UTC))

    wait_for(lambda: slower(399.5) == 2, 20, "two slow calls in the log")
    assert slower(60_000) == 0
    assert slower(0.0) >= 2


def test_a_call_that_the_model_did_not_answer_in_time_is_an_error_of_its_deployment(tiny, gateways):
    """Azure's 408: a candidate that hangs would otherwise go on to all traffic without one error."""
    began = datetime.now(UTC) - timedelta(seconds=1)
    late = tiny.score({"sleep": 6}, deployment="green", **{"User-Agent": "ward/408"})
    assert late.status_code == 408

    def counted():
        found = gateways.logs.summary(ENDPOINT, "green", began, datetime.now(UTC))
        return found if found.errors else None

    # What was asked just before is told by the log first.
    assert wait_for(counted, 20, "the late call in the log").errors == 1


def test_scores_are_read_from_the_containers_log(endpoints, gateways):
    began = datetime.now(UTC) - timedelta(seconds=2)
    for _ in range(3):
        assert endpoints.raw_score(ENDPOINT, SCORES, "green", probe=False).status == 200
    endpoints.raw_score(ENDPOINT, json.dumps({"x": 1, "say": "mlops-scores {cut"}).encode(), "green", probe=False)
    endpoint_id = gateways.prod.endpoint_id(ENDPOINT)

    def told():
        found = gateways.logs.scores(endpoint_id, "green", began, datetime.now(UTC) + timedelta(seconds=2))
        return found if len(found.risks) >= 6 else None

    found = wait_for(told, 20, "the scores")
    assert (found.positives, sorted(found.risks)) == (3, [0.2, 0.2, 0.2, 0.81, 0.81, 0.81])
    assert gateways.logs.scores(endpoint_id, "blue", began, datetime.now(UTC)).risks == ()


def test_refused_requests_are_counted_where_they_are_logged_with_the_fields_that_the_script_names(endpoints, gateways):
    began = datetime.now(UTC)
    for body in ({"field": "BMI"}, {"field": "Age"}, {"x": 1, "say": 'mlops-refused {"field":"BMI"}'}):
        endpoints.raw_score(ENDPOINT, json.dumps(body).encode(), "green", probe=False)
    endpoints.raw_score(ENDPOINT, b'{"field": "BMI"}', "green", probe=True)

    def counted():
        found = gateways.logs.refused(gateways.prod.endpoint_id(ENDPOINT), began, datetime.now(UTC))
        return found if found.calls >= 3 and found.fields else None

    found = wait_for(counted, 20, "the refused calls in the log")
    assert (found.calls, found.refused, found.fields) == (3, 2, {"BMI": 1})


def test_saturation_is_a_mean_a_minute(gateways):
    endpoint_id = gateways.prod.endpoint_id(ENDPOINT)
    since = datetime.now(UTC) - timedelta(minutes=10)

    def sampled():
        points = gateways.metrics.capacity(endpoint_id, ["green"], since, datetime.now(UTC))
        return [p for p in points if p.cpu_percent is not None and p.memory_percent is not None]

    points = wait_for(sampled, 90, "a minute of the platform's metrics")
    assert all(0 <= p.cpu_percent <= 200 and 0 < p.memory_percent <= 100 for p in points)


def test_objectives_are_counted_at_the_source_and_a_callers_mistake_is_not_ours(tiny, gateways):
    """Six calls, two of which the model refuses because of what they hold, and one probe of ours."""
    tiny.set_traffic({"blue": 100})
    began = datetime.now(UTC)
    for number in range(6):
        tiny.score({"field": "BMI"} if number < 2 else {"x": number}, deployment="blue", **{"User-Agent": "ward"})
    tiny.score({"x": 1}, deployment="blue", **{"User-Agent": "mlops-probe"})

    def counted():
        until = datetime.now(UTC) + timedelta(seconds=1)
        windows = [until - began, timedelta(days=28)]
        (found, month) = gateways.logs.counted(ENDPOINT, until, windows, within_ms=60_000.0)
        return (found, month) if found.calls >= 6 else None

    found, month = wait_for(counted, 10, "the traffic log")
    assert (found.calls, found.failed, found.answered, found.slow) == (6, 0, 4, 0)
    assert month.calls >= 6
    tiny.set_traffic({"blue": 90, "green": 10})
    traffic = gateways.logs.traffic(ENDPOINT, began, datetime.now(UTC), 10)
    assert sum(point.caller for point in traffic.points) == 2
    assert sum(point.model + point.platform + point.throttled for point in traffic.points) == 0
    assert {status.kind.value for status in traffic.statuses if status.kind} == {"caller"}


def test_a_log_is_searched_where_it_is(tiny, gateways):
    endpoint_id = gateways.prod.endpoint_id(ENDPOINT)
    everything = wait_for(lambda: gateways.logs.events(endpoint_id, 200), 10, "the event log")
    word = everything[-1].message.split()[0]
    held = gateways.logs.events(endpoint_id, 200, search=word.upper())
    assert held
    assert all(word.lower() in f"{line.name} {line.deployment} {line.message}".lower() for line in held)
    assert gateways.logs.events(endpoint_id, 200, search="it's nowhere\\") == ()
    blue = gateways.logs.events(endpoint_id, 200, deployment="blue")
    assert {line.deployment for line in blue} == {"blue"}
