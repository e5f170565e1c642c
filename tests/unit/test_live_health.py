"""The strip's word about production itself: seen before anything is changed, and never greener than the calls allow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.domain.decisions import Rollout, RolloutStep
from backend.domain.gates import FindingState
from backend.domain.telemetry import Traffic, TrafficSummary
from backend.policy.live_health import health_finding

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ROLLOUT = Rollout(
    steps=(RolloutStep(weight=100, min_calls=30, min_seconds=10),),
    max_error_rate=0.01,
    max_p95_ms=200,
    keep_warm_seconds=60,
    observe_deadline_seconds=100,
    commit="c",
    digest="sha256:r",
)


def hour(requests, errors, p95=50.0):
    told = TrafficSummary(deployment="v1", requests=requests, errors=errors, p50_ms=9, p95_ms=p95, p99_ms=p95)
    return Traffic(
        endpoint="e",
        start=NOW,
        end=NOW,
        bin_seconds=60,
        points=(),
        summaries=(told,),
        statuses=(),
        callers=(),
        data_until=NOW,
    )


@pytest.mark.parametrize(
    ("traffic", "state", "words"),
    [
        (hour(1000, 0), FindingState.PASS, "errors 0.00 %, limit 1 %, n 1,000; p95 50 ms, limit 200 ms"),
        (hour(1000, 60), FindingState.ADVISORY, "errors 6.00 %"),
        (hour(40, 1), FindingState.INCONCLUSIVE, "errors 2.50 %"),
        (hour(1000, 0, p95=201.0), FindingState.ADVISORY, "p95 201 ms, limit 200 ms"),
        (hour(0, 0, p95=None), FindingState.NOT_RUN, "had no call"),
        (hour(5, 0, p95=None), FindingState.PASS, "no p95"),
        (None, FindingState.NOT_RUN, "not been read yet"),
    ],
)
def test_the_last_hour_in_a_word(traffic, state, words):
    found = health_finding(traffic, "v1", ROLLOUT)
    assert (found.group, found.state) == ("Health", state)
    assert words in found.sentence


def test_what_serves_nothing_or_is_not_told_is_not_green():
    assert health_finding(hour(9, 0), "", ROLLOUT).state is FindingState.NOT_RUN
    assert health_finding(hour(9, 0), "v2", ROLLOUT).state is FindingState.NOT_RUN
    assert health_finding(hour(9, 0), "v1", None).state is FindingState.NOT_RUN
