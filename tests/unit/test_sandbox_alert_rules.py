"""When a metric alert rule fires and is resolved, and what is refused because it could not be judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.monitor.alert_rules import CRITERIA, Fired, Minute, UnjudgedError, judged, read_rule

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
NAMESPACE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
CONDITION = {
    "name": "slow",
    "criterionType": "StaticThresholdCriterion",
    "metricNamespace": NAMESPACE,
    "metricName": "RequestLatency_P95",
    "operator": "GreaterThan",
    "threshold": 100.0,
    "timeAggregation": "Average",
    "dimensions": [],
}
BY_CLASS = [{"name": "statusCodeClass", "operator": "Include", "values": ["5xx"]}]
COUNTED = {"metricName": "RequestsPerMinute", "threshold": 1.0, "dimensions": BY_CLASS}


def rule(condition=None, *more, written=NOON, **properties):
    conditions = [CONDITION | (condition or {}), *(CONDITION | one for one in more)]
    body = {
        "enabled": True,
        "severity": 2,
        "scopes": ["/subscriptions/s/resourceGroups/g/providers/x/y/z"],
        "windowSize": "PT5M",
        "evaluationFrequency": "PT1M",
        "autoMitigate": True,
        "criteria": {"odata.type": CRITERIA, "allOf": conditions},
    }
    return read_rule(
        {
            "id": "/rules/slow",
            "name": "slow",
            "systemData": {"lastModifiedAt": written.isoformat().replace("+00:00", "Z")},
            "properties": body | properties,
        }
    )


def at(minute):
    return NOON + timedelta(minutes=minute)


def measured(values):
    """One sample a minute, by the minute after noon in which it was taken."""
    first = int(NOON.timestamp()) // 60
    return {first + minute: Minute(value, 1, value, value) for minute, value in values.items()}


def told(made, values, until):
    return [(found.since, found.resolved) for found in judged(made, [measured(values)], at(until))]


def test_it_fires_at_the_first_look_above_and_is_resolved_at_the_third_calm_one():
    slow = {0: 50.0, 1: 500.0, 2: 50.0, 3: 50.0, 4: 50.0, 5: 50.0, 6: 50.0, 7: 50.0, 8: 50.0}
    # At 12:02 the window holds 50 and 500; at 12:07 it holds nothing of 12:01 any longer.
    assert told(rule(), slow, 1) == []
    assert told(rule(), slow, 2) == [(at(2), None)]
    assert told(rule(), slow, 6) == [(at(2), None)]
    assert told(rule(), slow, 8) == [(at(2), None)]
    assert told(rule(), slow, 9) == [(at(2), at(9))]


def test_two_calm_looks_end_nothing_and_a_new_rise_after_three_is_a_new_alert():
    one = {"windowSize": "PT1M"}
    assert told(rule(**one), {0: 500.0, 1: 50.0, 2: 50.0, 3: 500.0}, 4) == [(at(1), None)]
    assert told(rule(**one), {0: 500.0, 4: 500.0}, 5) == [(at(1), at(4)), (at(5), None)]


def test_nothing_measured_is_not_above_and_not_below():
    assert told(rule(windowSize="PT1M"), {0: 500.0}, 3) == [(at(1), None)]
    assert told(rule(windowSize="PT1M"), {0: 500.0}, 4) == [(at(1), at(4))]
    assert told(rule({"operator": "LessThan"}), {}, 30) == []


def test_requests_are_counted_over_the_whole_window():
    """Five requests in five minutes are one a minute, which is not above one; six are."""
    assert told(rule(COUNTED), {0: 5.0}, 3) == []
    assert told(rule(COUNTED), {0: 6.0}, 3) == [(at(1), None)]
    assert told(rule(COUNTED | {"operator": "GreaterThanOrEqual"}), {0: 5.0}, 3) == [(at(1), None)]


@pytest.mark.parametrize(
    ("aggregation", "comparison", "threshold", "fires"),
    [
        ("Average", "GreaterThan", 199.0, True),
        ("Average", "GreaterThan", 200.0, False),
        ("Average", "Equals", 200.0, True),
        ("Minimum", "LessThan", 101.0, True),
        ("Maximum", "GreaterThanOrEqual", 300.0, True),
        ("Maximum", "LessThanOrEqual", 299.0, False),
        ("Total", "GreaterThan", 399.0, True),
        ("Count", "GreaterThan", 2.0, False),
        ("Count", "GreaterThan", 1.0, True),
    ],
)
def test_aggregations_and_operators(aggregation, comparison, threshold, fires):
    made = rule(
        {"timeAggregation": aggregation, "operator": comparison, "threshold": threshold}, evaluationFrequency="PT5M"
    )
    assert [found.since for found in judged(made, [measured({1: 100.0, 4: 300.0})], at(5))] == [at(5)] * fires


def test_several_conditions_are_met_at_the_same_look():
    both = rule(None, COUNTED, windowSize="PT1M")
    slow, many = measured({0: 500.0, 1: 500.0}), measured({1: 9.0, 2: 9.0})
    assert judged(both, [slow, many], at(3)) == [Fired(at(2))]


def test_without_auto_mitigation_each_look_above_is_an_alert_of_its_own_that_stays():
    assert told(rule(windowSize="PT1M", autoMitigate=False), {0: 500.0, 1: 500.0}, 30) == [(at(1), None), (at(2), None)]


def test_a_rule_is_looked_at_from_when_it_was_written_and_not_while_it_is_off():
    values = dict.fromkeys(range(20), 500.0)
    assert told(rule(written=at(7)), values, 20) == [(at(8), None)]
    assert told(rule(written=at(7), evaluationFrequency="PT5M"), values, 20) == [(at(10), None)]
    assert told(rule(enabled=False), values, 20) == []


def test_what_was_longer_than_a_month_ago_is_forgotten():
    first = at(0) - timedelta(days=40)
    values = measured(dict.fromkeys(range(-40 * 1440, -35 * 1440), 500.0))
    assert judged(rule(written=first), [values], at(0)) == []


@pytest.mark.parametrize(
    ("condition", "properties", "said"),
    [
        ({"criterionType": "DynamicThresholdCriterion"}, {}, "fixed thresholds only"),
        ({"metricName": "GpuJoy"}, {}, "Failed to find metric GpuJoy"),
        ({"operator": "GreaterOrLessThan"}, {}, "no time aggregation or operator"),
        ({"timeAggregation": "Median"}, {}, "no time aggregation or operator"),
        ({"threshold": None}, {}, "a threshold that is a number"),
        ({"dimensions": [{"name": "colour", "operator": "Include", "values": ["red"]}]}, {}, "no dimension colour"),
        ({"dimensions": [BY_CLASS[0] | {"operator": "Exclude"}]}, {}, "values to include only"),
        ({}, {"windowSize": "PT2M"}, "windowSize"),
        ({}, {"evaluationFrequency": "PT12H"}, "evaluationFrequency"),
        ({}, {"scopes": ["/a", "/b"]}, "one scope"),
        ({}, {"criteria": {"odata.type": "Other", "allOf": [CONDITION]}}, "only"),
    ],
)
def test_what_is_not_judged_is_refused(condition, properties, said):
    with pytest.raises(UnjudgedError, match=said):
        rule(condition, **properties)


def test_with_several_conditions_a_dimension_has_one_value():
    with pytest.raises(UnjudgedError, match="one value in each"):
        rule(None, COUNTED | {"dimensions": [BY_CLASS[0] | {"values": ["*"]}]})
