"""Drills in the database: asked once, claimed by one worker, taken up after its death, recorded once a control."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.drills import Control, DrillState, Outcome, Verdict
from backend.domain.people import Actor, Role
from backend.errors import Invalid, NotFound, NotPermitted
from backend.operations.drills import Drills
from backend.operations.setup import Setup
from backend.store import Store

LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))
REFUSED = Verdict(control=Control.PUSH, outcome=Outcome.REFUSED, told="“no”", tried_as="lead")


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)

    def __call__(self):
        return self.now

    def passes(self, **time):
        self.now += timedelta(**time)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(databases, tmp_path, clock):
    made = Store(databases.fresh(tmp_path), clock)
    yield made
    assert made.audit.verify().whole
    made.close()


def acts(store):
    return [entry.action for entry in reversed(store.audit.entries())]


@pytest.mark.parametrize("role", list(Role))
def test_who_may_run_a_drill(store, role):
    drills, actor = Drills(store), Actor(name="x", roles=frozenset({role}))
    if role in {Role.LEAD, Role.ADMINISTRATOR}:
        assert drills.refusal(actor) == ""
        assert drills.run(actor, "click").state is DrillState.WANTED
        return
    assert "lead or administrator" in drills.refusal(actor)
    with pytest.raises(NotPermitted):
        drills.run(actor, "click")
    assert drills.latest() is None


def test_clicks_while_one_is_under_way_are_that_one(store):
    drills = Drills(store)
    first = drills.run(LEAD, "click")
    assert drills.run(LEAD, "click") == first
    assert drills.run(Actor(name="deputy", roles=frozenset({Role.LEAD})), "another").id == first.id
    assert acts(store) == ["drill.asked"]
    with pytest.raises(Invalid):
        drills.run(LEAD, "")
    with pytest.raises(NotFound):
        drills.get("nothing")


def test_one_worker_has_it_until_its_lease_ends(store, clock):
    Drills(store).run(LEAD, "click")
    mine = store.drills.claim(60)
    assert (mine.state, mine.attempts) == (DrillState.RUNNING, 1)
    assert store.drills.claim(60) is None
    clock.passes(seconds=59)
    assert store.drills.keep(mine, 60)
    clock.passes(seconds=59)
    assert store.drills.claim(60) is None
    clock.passes(seconds=2)
    other = store.drills.claim(60)
    assert (other.id, other.attempts) == (mine.id, 2)
    assert not store.drills.keep(mine, 60)
    store.drills.end(mine, "Late.")
    assert store.drills.get(mine.id).state is DrillState.RUNNING
    store.drills.end(other, "Done.")
    ended = store.drills.get(mine.id)
    assert (ended.state, ended.note, ended.finished_at) == (DrillState.DONE, "Done.", clock.now)
    assert store.drills.claim(60) is None


def test_a_control_has_one_row_a_drill_and_its_last_refusal_stays(store, clock):
    Drills(store).run(LEAD, "first")
    drill = store.drills.claim(60)
    result = store.drills.record(drill, REFUSED)
    assert store.drills.record(drill, REFUSED.model_copy(update={"told": "again"})) == result
    assert store.drills.get("first").tried == 1
    store.drills.end(drill, "Done.")
    refused_at = clock.now
    clock.passes(hours=6)
    Drills(store).run(LEAD, "second")
    drill = store.drills.claim(60)
    store.drills.record(drill, REFUSED.model_copy(update={"outcome": Outcome.UNKNOWN, "told": "GitHub is away"}))
    standing = {one.control: one for one in Drills(store).standing()}
    assert set(standing) == set(Control)
    assert standing[Control.PUSH].latest.outcome is Outcome.UNKNOWN
    assert standing[Control.PUSH].refused_at == refused_at
    assert standing[Control.DELETION].latest is None
    assert [one.drill for one in Drills(store).results("second")] == ["second"]
    (first, second) = [e for e in reversed(store.audit.entries()) if e.action == "drill.tried"]
    assert (first.subject, first.after, second.after) == (f"control/{Control.PUSH.value}", "refused", "unknown")
    assert first.detail["tried_as"] == "lead"


def test_the_schedule_counts_from_whoever_asked_last(store, clock):
    store.drills.ask_if_due(24)
    first = store.drills.latest()
    assert (first.asked_by, first.channel) == ("worker", "worker")
    clock.passes(hours=23)
    store.drills.ask_if_due(24)
    assert store.drills.latest() == first
    store.drills.end(store.drills.claim(60), "Done.")
    Drills(store).run(LEAD, "by hand")
    clock.passes(hours=23)
    store.drills.ask_if_due(24)
    assert store.drills.latest().id == "by hand"
    clock.passes(hours=2)
    store.drills.ask_if_due(24)
    assert store.drills.latest().asked_by == "worker"


def test_what_a_drill_found_has_no_fix_but_another_drill(store):
    from backend.domain.setup import Change, FindingState, PlannedResource, SetupLook

    subject = PlannedResource(kind="control", name="push", where="hospital/diabetes", change=Change.UPDATE)
    look = SetupLook(found=((subject, FindingState.NOT_REFUSED, ("It went through.",)),))
    store.setup_findings.take_in(look)
    (finding,) = store.setup_findings.open()
    setup = Setup(store, lambda: ())
    assert setup.take(LEAD, finding.id, "I look after it now").owner == "lead"
    with pytest.raises(Invalid, match="drill again"):
        setup.fix(LEAD, finding.id, "Put it right, please")
    assert "setup.not_refused" in acts(store)
