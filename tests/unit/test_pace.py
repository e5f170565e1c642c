"""What a rollout asks for in calls, how long that takes, and what a deployment costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.cost import cost_of
from backend.domain.decisions import MirrorPlan
from backend.domain.endpoints import Deployment, ProvisioningState
from backend.domain.pace import calls_per_hour, excluded, fewest_calls, pace, paces, roughly, whole
from backend.domain.telemetry import Traffic, TrafficPoint
from backend.promotion.plan import read_rollout
from tests.recovery.cloud import ROLLOUT

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def test_the_rule_of_three():
    assert fewest_calls(0.01) == 299
    assert fewest_calls(0.001) == 2995
    assert excluded(300) == pytest.approx(3 / 300, rel=0.02)
    assert (excluded(0), fewest_calls(0), fewest_calls(1)) == (1, 0, 0)
    for rate in (0.2, 0.05, 0.01, 0.003):
        assert excluded(fewest_calls(rate)) <= rate < excluded(fewest_calls(rate) - 1)


@pytest.mark.parametrize(
    ("weight", "calls", "seconds", "per_hour", "lasts", "words"),
    [
        (10, 300, 1800, 97, 111_340, "about 31 h to reach 300 calls at 10 % of 97 calls/h"),
        (50, 300, 1800, 97, 22_268, "about 6 h to reach 300 calls at 50 % of 97 calls/h"),
        (100, 300, 1800, 36_000, 1800, "about 30 min to reach 300 calls at 100 % of 36,000 calls/h"),
        (10, 300, 1800, 0, None, "no calls arrive now, so 300 are never reached"),
        (10, 0, 1800, 0, 1800, "about 30 min to reach 0 calls at 10 % of 0 calls/h"),
    ],
)
def test_how_long_a_step_takes(weight, calls, seconds, per_hour, lasts, words):
    found = pace(weight, calls, seconds, per_hour)
    assert (None if found.seconds is None else round(found.seconds)) == lasts
    assert found.sentence == words


def test_a_whole_rollout_with_its_mirror():
    rollout = read_rollout(ROLLOUT, "c").model_copy(
        update={"mirror": MirrorPlan(percent=20, min_calls=60, min_seconds=5)}
    )
    found = paces(rollout, 3600)
    assert [(one.weight, one.mirrored, one.seconds) for one in found] == [
        (20, True, 300), (10, False, 300), (50, False, 60), (100, False, 30),
    ]  # fmt: skip
    assert whole(found) == 690
    assert whole(paces(rollout, 0)) is None


def test_the_rate_counts_from_the_first_call():
    point = {"deployment": "v1", "errors": 0, "p50_ms": 1, "p95_ms": 1, "p99_ms": 1}
    points = tuple(TrafficPoint(at=NOW - timedelta(minutes=m), requests=100, **point) for m in (20, 10))
    window = {"endpoint": "e", "start": NOW - timedelta(hours=1), "end": NOW, "bin_seconds": 60}
    rest = {"summaries": (), "statuses": (), "callers": (), "data_until": None}
    assert calls_per_hour(Traffic(points=points, **window, **rest)) == 600
    assert calls_per_hour(Traffic(points=(), **window, **rest)) == 0


@pytest.mark.parametrize(
    ("seconds", "words"), [(40, "40 s"), (1500, "25 min"), (111_600, "31 h"), (1_000_000, "12 days")]
)
def test_roughly(seconds, words):
    assert roughly(seconds) == words


def test_cost_is_declared_or_not_known():
    deployment = Deployment(
        name="v1-1111", endpoint="e", model="m", version="1", environment="env", state=ProvisioningState.SUCCEEDED,
        instance_type="Standard_DS2_v2", instance_count=2, variables={}, tags={},
    )  # fmt: skip
    found = cost_of(deployment, {"Standard_DS2_v2": 0.14}, "EUR")
    assert (found.hour, round(found.month, 2), found.words) == (0.28, 204.4, "0.28 EUR/h, 204 a month")
    assert cost_of(deployment, {}, "EUR") is None
