"""A release replaced in the middle of a promotion: a later one goes on with the plan it finds, an earlier one waits."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select, update

from backend.domain.promotions import Kind, Phase, StepKind
from backend.errors import Conflict
from backend.promotion import transitions, wording
from backend.store.audit import Note
from backend.store.planned_steps import LEFT_ALONE
from backend.store.tables import promotions, steps
from tests.recovery.cloud import PRODUCTION, TEST
from tests.recovery.crashes import Boundaries, live_through
from tests.recovery.hospital import LEAD, LEASE, WHY, Hospital

LATER_STEP = {"kind": "watch_from_afar", "share": 20, "deadline_seconds": 60.0}
"""A kind and a field that no release so far has."""


@pytest.fixture
def ready(tmp_path, databases):
    """v1 serves, v2 has been tested."""
    made = Hospital.after(tmp_path, "1", staged="2", databases=databases)
    yield made
    report = made.store.audit.verify()
    made.close()
    assert report.whole, report.problem


def click_on_the_earlier_release(hospital):
    """As a release would have recorded it that knew neither smoke test nor warm deployments, nor their fields."""
    begun = hospital.click("2", "model")
    hospital.steering.abort(LEAD, "model", "only its plan is wanted")
    hospital.run("model")
    hospital.steering.release_hold(LEAD, WHY)
    left_out = {StepKind.SMOKE_TEST, StepKind.SCHEDULE_RETIREMENT}
    plan = tuple(step for step in begun.plan if step.kind not in left_out)
    wanted = transitions.begin(
        "click", Kind.PROMOTE, begun.target, plan, by="lead", reason=WHY, now=hospital.clock(),
        expected_stable=begun.expected_stable,
    )  # fmt: skip
    note = Note("lead", "console", "promotion.promote_requested", "promotion/click", WHY, "", "pending")
    hospital.store.promotions.submit(wanted, note)
    assert wording.detail(wanted)["deployment"] == begun.target.deployment

    def without_new_fields(step):
        return {name: value for name, value in step.items() if name not in {"keep_warm_seconds", "max_p95_ms"}}

    with hospital.store.writing() as transaction:
        plan_text = json.dumps([without_new_fields(step.model_dump(mode="json")) for step in plan])
        transaction.execute(update(promotions).where(promotions.c.id == "click").values(plan=plan_text))
        for ordinal, step in enumerate(plan):
            row = (steps.c.promotion == "click") & (steps.c.ordinal == ordinal)
            text = json.dumps(without_new_fields(step.model_dump(mode="json")))
            transaction.execute(update(steps).where(row).values(step=text))
    return plan


@pytest.mark.recovery
@pytest.mark.parametrize("cut_at", [9, 40, 90])
def test_a_later_release_finishes_the_plan_that_it_finds(ready, cut_at):
    plan = click_on_the_earlier_release(ready)
    boundaries = Boundaries(ready)
    boundaries.cut_at = cut_at
    live_through(ready, boundaries, "click")
    assert boundaries.where, "the earlier release was never killed"
    ended = ready.store.promotions.get("click")
    assert ended.phase is Phase.SUCCEEDED, ended.reason
    assert [record.step.kind for record in ended.steps] == [step.kind for step in plan]
    assert ready.traffic == {ended.target.deployment: 100}
    ready.promotions.roll_back(LEAD, ready.promotions.stable(), WHY, "back")
    ready.run("back")
    back = ready.store.promotions.get("back")
    assert back.phase is Phase.SUCCEEDED, back.reason
    assert StepKind.SCHEDULE_RETIREMENT in {record.step.kind for record in back.steps}


def stored(hospital):
    with hospital.store.database.reading() as connection:
        of_it = steps.c.promotion == "click"
        texts = connection.execute(select(steps.c.step).where(of_it).order_by(steps.c.ordinal)).scalars().all()
        plan = connection.execute(select(promotions.c.plan).where(promotions.c.id == "click")).scalar_one()
        return list(texts), plan


def plan_a_step_of_a_later_release(hospital):
    """Put one that this code cannot read in the place of the last; what stood there before."""
    texts, plan = stored(hospital)
    changed = json.dumps([*json.loads(plan)[:-1], LATER_STEP])
    row = (steps.c.promotion == "click") & (steps.c.ordinal == len(texts) - 1)
    with hospital.store.writing() as transaction:
        transaction.execute(update(steps).where(row).values(step=json.dumps(LATER_STEP)))
        transaction.execute(update(promotions).where(promotions.c.id == "click").values(plan=changed))
    return texts[-1], plan


@pytest.mark.recovery
def test_an_earlier_release_leaves_alone_what_it_cannot_read(ready):
    ready.click("2", "click")
    while ready.traffic.get(ready.store.promotions.get("click").target.deployment) != 10:
        ready.tick()
    last_step, plan = plan_a_step_of_a_later_release(ready)
    before, effects, left = ready.traffic, len(ready.cloud.effects), stored(ready)
    ready.clock.pass_(LEASE + 1)

    for _ in range(20):
        assert not ready.engine.tick()
        ready.clock.pass_(LEASE)
    found = ready.promotions.active(PRODUCTION)
    assert (found.id, found.reason) == ("click", LEFT_ALONE)
    for verb in (ready.steering.pause, ready.steering.abort):
        with pytest.raises(Conflict, match="cannot be changed from here"):
            verb(LEAD, "click", WHY)
    assert (ready.traffic, len(ready.cloud.effects), stored(ready)) == (before, effects, left)

    ready.cloud.register("3")
    for _ in range(60):
        ready.tick()
    [test] = [p for p in ready.promotions.recent() if p.kind is Kind.STAGE and p.target.version == "3"]
    assert (test.target.endpoint, test.phase) == (TEST, Phase.SUCCEEDED), test.reason

    row = (steps.c.promotion == "click") & (steps.c.ordinal == len(left[0]) - 1)
    with ready.store.writing() as transaction:
        transaction.execute(update(steps).where(row).values(step=last_step))
        transaction.execute(update(promotions).where(promotions.c.id == "click").values(plan=plan))
    ready.run("click")
    assert ready.store.promotions.get("click").phase is Phase.SUCCEEDED
