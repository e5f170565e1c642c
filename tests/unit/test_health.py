"""The health of a candidate: each measure against its limit and against stable, and how often chance alone fails it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from backend.domain.analysis import Analysis, Check, Health, Seen, Side, read_checks, written
from backend.domain.promotions import Step, StepKind
from backend.policy.health import errors, latency, saturation, scores
from backend.policy.health.bounds import CERTAIN, CONFIDENCE, beyond_chance, difference
from backend.policy.health.judgement import judge

STEP = Step(kind=StepKind.OBSERVE, weight=10, min_calls=30, min_seconds=180, max_error_rate=0.01, max_p95_ms=100)
COMPARED = STEP.model_copy(update={"max_error_increase": 0.005, "max_p95_ratio": 1.5, "max_positive_shift": 0.25})


def side(calls, errors=0, p95=50.0, name="v2", **more):
    return Side(deployment=name, calls=calls, errors=errors, p95_ms=p95 if calls else None, **more)


@pytest.mark.parametrize(
    ("requests", "errors", "p95", "slow", "health", "words"),
    [
        (0, 0, None, 0, Health.UNCLEAR, "0 of 30 calls"),
        (29, 0, 50.0, 0, Health.UNCLEAR, "29 of 30 calls"),
        (30, 0, 50.0, 0, Health.GOOD, "errors 0.00 %, limit 1 %, n 30; p95 50 ms"),
        (10, 5, 50.0, 0, Health.BAD, "errors 50.00 %, limit 1 %, n 10"),
        (1, 1, 50.0, 0, Health.UNCLEAR, "more calls are needed"),
        (40, 1, 50.0, 0, Health.UNCLEAR, "more calls are needed"),
        (4000, 100, 50.0, 0, Health.BAD, "n 4,000"),
        (29, 0, 500.0, 29, Health.UNCLEAR, "29 of 30 calls"),
        (30, 0, 101.0, 2, Health.UNCLEAR, "p95 101 ms, limit 100 ms, n 30: 2 calls were slower, which may be chance"),
        (30, 0, 101.0, 9, Health.BAD, "p95 101 ms, limit 100 ms, n 30"),
        (30, 0, 100.0, 1, Health.GOOD, "p95 100 ms"),
    ],
)
def test_health_minds_the_number_of_calls(requests, errors, p95, slow, health, words):
    found = judge(Seen(candidate=side(requests, errors, p95, slow=slow)), STEP)
    assert found.health is health
    assert words in found.sentence


def test_a_rollback_is_not_judged_by_latency():
    step = Step(kind=StepKind.OBSERVE, weight=100, min_seconds=5, max_error_rate=0.01)
    assert judge(Seen(candidate=side(5, 0, 9000.0)), step).health is Health.GOOD
    assert judge(Seen(candidate=side(0)), step).health is Health.GOOD


@pytest.mark.parametrize(
    ("ours", "theirs", "health"),
    [
        (side(300), side(2700), Health.GOOD),
        (side(300, 3), side(2700, 27), Health.GOOD),
        (side(300, 40), side(2700, 30), Health.BAD),
        (side(300, 5), side(2700, 20), Health.UNCLEAR),
        (side(20), side(180), Health.UNCLEAR),
        (side(0), side(180), Health.UNCLEAR),
        (side(300), side(0), Health.UNMEASURED),
        (side(300), None, Health.UNMEASURED),
    ],
)
def test_errors_against_stable(ours, theirs, health):
    assert errors.against_stable(Seen(candidate=ours, stable=theirs), COMPARED).health is health


@pytest.mark.parametrize(
    ("ours", "theirs", "health"),
    [
        (side(300, slower=10), side(2700), Health.GOOD),
        (side(300, slower=60), side(2700), Health.BAD),
        (side(300, slower=20), side(2700), Health.UNCLEAR),
        (side(29), side(2700), Health.UNCLEAR),
        (side(300), side(29), Health.UNCLEAR),
        (side(300), side(0), Health.UNMEASURED),
        (side(300), None, Health.UNMEASURED),
    ],
)
def test_latency_against_stable(ours, theirs, health):
    assert latency.against_stable(Seen(candidate=ours, stable=theirs), COMPARED).health is health


@pytest.mark.parametrize(
    ("minutes", "blind", "seconds", "health"),
    [
        ((50.0, 60.0, 70.0), "", 1800, Health.GOOD),
        ((95.0, 60.0, 70.0), "", 1800, Health.GOOD),
        ((50.0, 90.0, 91.0, 92.0), "", 1800, Health.BAD),
        ((50.0, 60.0, 91.0), "", 1800, Health.UNCLEAR),
        ((50.0, 60.0), "", 1800, Health.UNCLEAR),
        ((), "", 1800, Health.UNCLEAR),
        ((), "", 10, Health.UNMEASURED),
        ((50.0,), "", 10, Health.GOOD),
        ((), "cloud.metrics_endpoint is not set", 1800, Health.UNMEASURED),
    ],
)
def test_saturation(minutes, blind, seconds, health):
    step = STEP.model_copy(update={"max_cpu_percent": 85.0, "max_memory_percent": 90.0, "min_seconds": seconds})
    seen = Seen(candidate=side(300), cpu=minutes, memory=minutes, blind=blind)
    assert saturation.of_processor(seen, step).health is health
    assert saturation.of_memory(seen, step).limit == "≤ 90 %"
    assert saturation.of_processor(seen, STEP) is None


def scored(calls, positives):
    return side(calls, positives=positives, risks=(0.8,) * positives + (0.2,) * (calls - positives))


@pytest.mark.parametrize(
    ("ours", "theirs", "health"),
    [
        (scored(300, 99), scored(2700, 800), Health.GOOD),
        (scored(300, 250), scored(2700, 800), Health.BAD),
        (scored(300, 1), scored(2700, 1500), Health.BAD),
        (scored(40, 24), scored(360, 108), Health.UNCLEAR),
        (scored(20, 6), scored(180, 54), Health.UNCLEAR),
        (scored(0, 0), scored(180, 54), Health.UNCLEAR),
        (scored(300, 99), scored(0, 0), Health.UNMEASURED),
        (scored(300, 99), None, Health.UNMEASURED),
    ],
)
def test_positives_against_stable(ours, theirs, health):
    found = scores.of_positives(Seen(candidate=ours, stable=theirs), COMPARED)
    assert found.health is health
    assert "accura" not in found.sentence.lower()


def test_what_is_not_measured_is_said_and_holds_nothing_up():
    found = judge(Seen(candidate=side(300)), COMPARED)
    assert found.health is Health.GOOD
    assert {c.measure for c in found.checks if c.health is Health.UNMEASURED} == {
        "Errors against stable", "p95 against stable", "Positives against stable",
    }  # fmt: skip


def test_one_inconclusive_check_keeps_the_whole_from_passing_and_one_fail_decides():
    def check(health):
        return Check(measure="m", health=health, measured="1", limit="2", n=3, sentence=health.value)

    assert Analysis(checks=(check(Health.GOOD), check(Health.UNCLEAR))).health is Health.UNCLEAR
    both = Analysis(checks=(check(Health.UNCLEAR), check(Health.BAD)))
    assert (both.health, both.sentence) == (Health.BAD, "fail")


def test_checks_are_read_as_they_were_written():
    checks = judge(Seen(candidate=side(300)), COMPARED).checks
    assert read_checks(written(checks)) == checks
    assert read_checks("") == ()


def test_newcombe_of_published_values():
    # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
    assert difference(56, 70, 48, 80, 0.95) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert difference(9, 10, 3, 10, 0.95) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert difference(10, 10, 0, 10, 0.95) == pytest.approx((0.6075, 1.0), abs=5e-5)


def test_beyond_chance_is_the_exact_tail():
    for seen, of, share in ((1, 1, 0.01), (3, 40, 0.01), (12, 300, 0.01)):
        tail = sum(binom.pmf(k, of, share) for k in range(seen, of + 1))
        assert beyond_chance(seen, of, share) is bool(tail < 1 - CERTAIN)
    assert not beyond_chance(0, 0, 0.01)
    assert CONFIDENCE < CERTAIN


def _plays(random, rate, stable_rate, slow, looks):
    """Whole steps with a look at every tenth call of the candidate: the share of them that was failed."""
    calls, others, failed, steps = 10, 90, 0, 200
    step = COMPARED.model_copy(update={"min_calls": 300, "max_positive_shift": 1.0})
    for _ in range(steps):
        wrong, slower, theirs = (
            np.cumsum(random.binomial(n, share, looks))
            for n, share in ((calls, rate), (calls, slow), (others, stable_rate))
        )
        for k in range(looks):
            n, m = calls * (k + 1), others * (k + 1)
            ours = side(n, int(wrong[k]), 101.0, slow=int(slower[k]), slower=int(slower[k]))
            if judge(Seen(candidate=ours, stable=side(m, int(theirs[k]), 66.0)), step).health is Health.BAD:
                failed += 1
                break
    return failed / steps


def test_a_candidate_exactly_at_every_limit_is_failed_in_at_most_a_few_steps_of_a_hundred():
    """Four tests at their limits, sixty looks each: at an honest margin below them nothing is ever failed."""
    random = np.random.default_rng(20261126)
    assert _plays(random, 0.01, 0.005, 0.05, looks=60) <= 0.04


def test_a_candidate_like_stable_is_failed_in_less_than_one_step_of_a_hundred():
    random = np.random.default_rng(20261127)
    assert _plays(random, 0.003, 0.003, 0.03, looks=60) < 0.01


@pytest.mark.parametrize(("rate", "slow"), [(0.06, 0.0), (0.002, 0.2)])
def test_a_clearly_worse_candidate_is_caught(rate, slow):
    random = np.random.default_rng(20261128)
    assert _plays(random, rate, 0.002, slow, looks=40) > 0.95
