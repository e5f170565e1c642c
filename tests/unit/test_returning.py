"""The way back as it was measured, and whether a schema stands in it."""

from __future__ import annotations

import pytest

from backend.domain.promotions import Kind, Phase, StepKind
from backend.domain.supply_chain import Field, Signature
from backend.policy.returning import returned, schema_allows, way_back_line
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import LEAD, Hospital


def schema(*inputs, outputs=("positive",)):
    asked = tuple(Field(name=name.removesuffix("?"), type="double", required=not name.endswith("?")) for name in inputs)
    return Signature(inputs=asked, outputs=tuple(Field(name=name, type="double") for name in outputs))


@pytest.fixture
def hospital(tmp_path):
    made = Hospital.after(tmp_path, "1", staged="2")
    yield made
    made.close()


def last(hospital):
    return hospital.promotions.decision(LEAD, hospital.version("2"), None).way_back.last


def test_a_rollback_is_measured_from_the_click_to_the_traffic(hospital):
    assert last(hospital) is None
    hospital.click("2", "click")
    hospital.run("click")
    assert last(hospital) is None
    back = hospital.promotions.roll_back(LEAD, hospital.promotions.stable(), "it does not do well", "back")
    hospital.run("back")
    ended = hospital.store.promotions.get(back.id)
    shifted = next(r for r in ended.steps if r.step.kind is StepKind.SHIFT_TRAFFIC)
    assert ended.phase is Phase.SUCCEEDED
    assert last(hospital).kind is Kind.ROLL_BACK
    assert last(hospital).at == shifted.finished_at
    assert last(hospital).seconds == (shifted.finished_at - back.created_at).total_seconds() > 0
    line = way_back_line(hospital.promotions.decision(LEAD, hospital.version("2"), None).way_back)
    assert f"The last one took {last(hospital).seconds:.1f} s" in line


def test_giving_up_counts_once_traffic_had_moved(hospital):
    hospital.click("2", "early")
    hospital.steering.abort(LEAD, "early", "thought better of it")
    hospital.run("early")
    assert hospital.store.promotions.get("early").phase is Phase.ROLLED_BACK
    assert hospital.store.promotions.last_returns(PRODUCTION, 5)
    assert last(hospital) is None
    hospital.steering.release_hold(LEAD, "and once more")
    hospital.click("2", "late")
    until_observed(hospital, "late")
    hospital.steering.abort(LEAD, "late", "complaints from the ward")
    hospital.run("late")
    assert returned(hospital.store.promotions.get("late")) == last(hospital)
    assert last(hospital).kind is Kind.PROMOTE


def until_observed(hospital, promotion):
    for _ in range(500):
        if hospital.store.promotions.get(promotion).current.step.kind is StepKind.OBSERVE:
            return
        hospital.tick()
    raise AssertionError("it is never observed")


@pytest.mark.parametrize(
    ("now", "after", "allowed", "said"),
    [
        (schema("BMI", "Age"), schema("BMI", "Age"), True, "is the same"),
        (schema("BMI"), schema("BMI", "Age"), True, "asks for nothing that callers no longer send"),
        (schema("BMI", "Age?"), schema("BMI"), True, "asks for nothing"),
        (schema("BMI", "Age"), schema("BMI"), False, "v1 asks for Age"),
        (schema(*"abcde"), schema("e"), False, "v1 asks for a, b, c and 1 more"),
        (schema("BMI"), schema("BMI", outputs=("risk",)), False, "v1 answers otherwise"),
        (None, schema("BMI"), None, "of v1 was never read"),
        (schema("BMI"), None, None, "of the new version was never read"),
    ],
)
def test_a_schema_allows_the_way_back_or_says_why_not(now, after, allowed, said):
    found, sentence = schema_allows("1", now, after)
    assert found is allowed
    assert said in sentence


def test_a_schema_is_named_by_what_it_declares():
    assert schema("BMI").name == schema("BMI").name
    assert len({schema("BMI").name, schema("Age").name, schema("BMI?").name, schema("BMI", "Age").name}) == 4
    assert schema("BMI", "Age").name.startswith("2 in, 1 out, ")
