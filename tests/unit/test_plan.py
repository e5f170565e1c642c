"""Reading `rollout.toml`, and the plans made of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from backend.domain.promotions import StepKind
from backend.errors import Invalid
from backend.promotion.plan import promote_plan, read_rollout, roll_back_plan, stage_plan

GOOD = """
[[step]]
weight = 10
min_calls = 30
min_seconds = 10
[[step]]
weight = 100
min_calls = 40
min_seconds = 20.5
[limits]
max_error_rate = 0.01
max_p95_ms = 250
[observe]
deadline_seconds = 600
[retirement]
keep_warm_seconds = 3600
"""


def test_the_rollout_in_the_repository_reads():
    content = Path(__file__).parents[2].joinpath("training/rollout.toml").read_bytes()
    rollout = read_rollout(content, "c0ffee")
    assert rollout.steps[-1].weight == 100
    assert rollout.digest == "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("weight = 10\n", "weight = 0\n", r"step\[1\].weight: .*greater than or equal to 1"),
        ("weight = 10\n", "weight = 101\n", r"step\[1\].weight: .*less than or equal to 100"),
        ("weight = 10\n", "weight = 100\n", "step.weight: weights must rise"),
        ("weight = 100", "weight = 90", "step.weight: the last weight must be 100, found 90"),
        ("weight = 10\n", "", r"step\[1\].weight: field required"),
        ("weight = 10\n", "weight = 'ten'\n", r"step\[1\].weight: .*integer"),
        ("min_calls = 40", "min_calls = -1", r"step\[2\].min_calls: .*greater than or equal to 0"),
        ("min_calls = 40", "min_calls = 1.5", r"step\[2\].min_calls: .*integer"),
        ("max_error_rate = 0.01", "max_error_rate = 1.01", "limits.max_error_rate: .*less than or equal to 1"),
        ("max_error_rate = 0.01", "max_error_rate = nan", "limits.max_error_rate: .*finite"),
        ("max_p95_ms = 250", "max_p95_ms = 0", "limits.max_p95_ms: .*greater than 0"),
        ("[limits]", "[limit]", "limits: field required"),
        ("deadline_seconds = 600", "deadline_seconds = 20", "observe.deadline_seconds: must exceed the longest"),
        ("keep_warm_seconds = 3600", "keep_warm_seconds = -1", "retirement.keep_warm_seconds"),
        ("keep_warm_seconds", "keep_warm", "retirement.keep_warm_seconds: field required"),
        ("[limits]", "surprise = 1\n[limits]", r"step\[2\].surprise: extra inputs"),
        ("[limits]", "[limits", "not valid TOML"),
    ],
)
def test_a_wrong_rollout_is_refused_by_key(before, after, words):
    assert before in GOOD
    with pytest.raises(Invalid, match=words) as refusal:
        read_rollout(GOOD.replace(before, after).encode(), "c0ffee")
    assert str(refusal.value).startswith("training/rollout.toml")


def test_no_text_at_all_is_refused():
    with pytest.raises(Invalid, match="not valid TOML"):
        read_rollout(b"\xff\xfe\x00", "c0ffee")
    with pytest.raises(Invalid, match="step: field required"):
        read_rollout(b"", "c0ffee")


def test_plan_of_a_promotion():
    plan = promote_plan(read_rollout(GOOD.encode(), "c0ffee"), has_stable=True)
    assert [(s.kind.value, s.weight) for s in plan] == [
        ("snapshot", None),
        ("create_deployment", None),
        ("verify_digest", None),
        ("smoke_test", None),
        ("shift_traffic", 10),
        ("observe", 10),
        ("shift_traffic", 100),
        ("observe", 100),
        ("schedule_retirement", None),
    ]
    last = plan[-2]
    limits = (last.min_calls, last.min_seconds, last.max_error_rate, last.max_p95_ms, last.deadline_seconds)
    assert limits == (40, 20.5, 0.01, 250, 600)
    assert plan[-1].keep_warm_seconds == 3600


def test_plan_of_the_first_promotion_watches_nothing():
    plan = promote_plan(read_rollout(GOOD.encode(), "c0ffee"), has_stable=False)
    assert [s.kind for s in plan][-2:] == [StepKind.SMOKE_TEST, StepKind.SHIFT_TRAFFIC]
    assert plan[-1].weight == 100


@pytest.mark.parametrize("rollout", [None, read_rollout(GOOD.encode(), "c0ffee")])
def test_plan_of_a_rollback_goes_at_once(rollout):
    kinds = [s.kind.value for s in roll_back_plan(rollout)]
    assert kinds == [
        "snapshot", "create_deployment", "verify_digest", "shift_traffic", "observe", "schedule_retirement",
    ]  # fmt: skip
    assert [s.weight for s in roll_back_plan(rollout) if s.kind is StepKind.SHIFT_TRAFFIC] == [100]


def test_every_step_of_every_plan_has_a_deadline_and_a_file():
    from backend.promotion.plan import compensation_plan
    from backend.promotion.steps import STEPS

    assert set(STEPS) == set(StepKind) - {StepKind.UNKNOWN}
    rollout = read_rollout(GOOD.encode(), "c0ffee")
    for plan in (stage_plan(), promote_plan(rollout, has_stable=True), roll_back_plan(rollout), compensation_plan()):
        assert all(0 < step.deadline_seconds <= 86_400 for step in plan)


NEW = (
    GOOD
    + """
[stable]
max_error_increase = 0.005
max_p95_ratio = 1.5
max_positive_shift = 0.25
[load]
requests = 100
[mirror]
percent = 20
min_calls = 60
min_seconds = 30
"""
)


def test_a_file_of_an_earlier_release_asks_nothing_new():
    rollout = read_rollout(GOOD.encode(), "c0ffee")
    assert (rollout.mirror, rollout.load.requests, rollout.load.at_a_time) == (None, 400, 4)
    observe = next(s for s in promote_plan(rollout, has_stable=True) if s.kind is StepKind.OBSERVE)
    compared = (observe.max_error_increase, observe.max_p95_ratio, observe.max_cpu_percent, observe.max_positive_shift)
    assert compared == (1, 0, 0, 1)


def test_a_mirror_is_planned_before_the_first_weight_and_never_for_the_first_version():
    rollout = read_rollout(NEW.encode(), "c0ffee")
    plan = promote_plan(rollout, has_stable=True)
    assert [(s.kind.value, s.weight) for s in plan][3:7] == [
        ("smoke_test", None), ("mirror_traffic", 20), ("observe_mirror", 20), ("mirror_traffic", 0),
    ]  # fmt: skip
    assert (plan[5].min_calls, plan[5].min_seconds, plan[5].max_p95_ratio) == (60, 30, 1.5)
    kinds = {s.kind for s in promote_plan(rollout, has_stable=False)}
    assert StepKind.MIRROR_TRAFFIC not in kinds
    off = NEW.replace("percent = 20", "percent = 0")
    assert read_rollout(off.encode(), "c0ffee").mirror is None


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("percent = 20", "percent = 51", "mirror.percent: .*less than or equal to 50"),
        ("requests = 100", "requests = 100000", "load.requests: .*less than or equal to 2000"),
        ("max_p95_ratio = 1.5", "max_p95_ratio = -1", "stable.max_p95_ratio"),
        ("min_seconds = 30", "min_seconds = 600", "observe.deadline_seconds: must exceed the longest"),
        ("percent = 20\n", "", "mirror.percent: field required"),
    ],
)
def test_a_wrong_new_section_is_refused_by_key(before, after, words):
    with pytest.raises(Invalid, match=words):
        read_rollout(NEW.replace(before, after).encode(), "c0ffee")


def test_the_test_endpoint_is_loaded_and_replayed_before_it_takes_traffic():
    assert [s.kind.value for s in stage_plan()] == [
        "create_deployment", "verify_digest", "smoke_test", "load_test", "replay", "replay_collected",
        "shift_traffic", "collect_evidence", "retire_others",
    ]  # fmt: skip
