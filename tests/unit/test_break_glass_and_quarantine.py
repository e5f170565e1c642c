"""Past a hard gate by two people, and a version that may run nowhere, by the operations and the real engine."""

from __future__ import annotations

import pytest

from backend.domain.approvals import Quarantine
from backend.domain.promotions import Kind, Phase
from backend.domain.registry import VersionState
from backend.errors import Conflict, Invalid, NotFound, NotPermitted, PolicyDenied
from backend.operations.releases import Releases
from backend.promotion import plan, transitions
from backend.promotion.target import target_on
from backend.store.audit import Note
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import AUTHOR, CAROL, DEPUTY, LEAD, OPERATOR, PROJECT, WHY, hard


def break_glass(hospital, hours=1.0, key="glass"):
    gates = hospital.decision().overridable
    return hospital.overrides.ask(LEAD, hospital.version("2"), gates, "only this one hears the meters", hours, key)


def test_a_hard_gate_is_gone_past_by_two_people_within_the_box_and_the_ledger_says_so(worse):
    second = worse.version("2")
    assert worse.decision().overridable == ("sensitivity",)
    with pytest.raises(PolicyDenied, match="Sensitivity"):
        worse.click("2")
    asked = break_glass(worse)
    assert break_glass(worse) == asked
    with pytest.raises(PolicyDenied, match="Sensitivity"):
        worse.click("2")
    with pytest.raises(NotPermitted, match="You asked for it"):
        worse.overrides.confirm(LEAD, second, asked.id, WHY)
    with pytest.raises(NotPermitted, match="You wrote commit"):
        worse.overrides.confirm(AUTHOR, second, asked.id, WHY)
    with pytest.raises(NotPermitted):
        worse.overrides.confirm(OPERATOR, second, asked.id, WHY)
    agreed = worse.overrides.confirm(DEPUTY, second, asked.id, WHY)
    assert worse.overrides.confirm(DEPUTY, second, asked.id, WHY) == agreed
    with pytest.raises(Conflict, match="deputy has confirmed it already"):
        worse.overrides.confirm(CAROL, second, asked.id, WHY)
    past = [b for b in worse.decision().blockers if b.overridden]
    assert [b.what for b in past] == ["Sensitivity"]
    assert "BREAK-GLASS" in past[0].why
    begun = worse.click("2")
    told = [e for e in worse.store.audit.entries(limit=99) if e.action.startswith("break_glass.")]
    assert [e.action for e in told] == ["break_glass.used", "break_glass.confirmed", "break_glass.asked"]
    assert (told[0].detail["promotion"], told[0].detail["past"]) == (begun.id, "Sensitivity")
    file = Releases(worse.store, PROJECT, worse.clock).dossier_file(second).decode()
    assert "<div class='alarm'><section><h2><bdi>Break-glass</bdi></h2>" in file
    assert "<b class='alarm'><bdi>break_glass.used</bdi></b>" in file


@pytest.mark.parametrize("outside", ["time", "ended", "another threshold"])
def test_outside_its_box_the_gate_blocks_again(worse, outside):
    second, asked = worse.version("2"), break_glass(worse)
    worse.overrides.confirm(DEPUTY, second, asked.id, WHY)
    if outside == "time":
        worse.clock.pass_(3600)
    elif outside == "ended":
        worse.overrides.end(DEPUTY, asked.id, "thought better of it")
    else:
        worse.promotions.stage(LEAD, second, "fewer missed for more alarms", "choice", threshold=0.31)
        worse.run("choice")
    assert "Sensitivity" in hard(worse.decision()) or outside == "another threshold"
    assert worse.decision().dossier.override is None
    with pytest.raises(PolicyDenied):
        worse.overrides.confirm(CAROL, second, break_glass_late(worse, asked), WHY)


def break_glass_late(hospital, asked):
    """A request that nobody confirmed in its time."""
    late = hospital.store.overrides.get(asked.id).model_copy(
        update={"id": "late", "confirmed_by": "", "confirmed_at": None, "ends_at": hospital.clock()}
    )
    note = Note("lead", "cli", "break_glass.asked", f"model/{late.model}:{late.version}", WHY)
    hospital.store.overrides.ask(late, note)
    return late.id


def test_the_glass_lets_nothing_else_through_and_has_a_longest_time(worse):
    second = worse.version("2")
    for gates, hours, words in (
        (("contract",), 1.0, "It cannot go past contract"),
        (("sensitivity", "digest"), 1.0, "It cannot go past digest"),
        ((), 1.0, "Name at least one"),
        (("sensitivity",), 4.5, "at most 4 h"),
    ):
        with pytest.raises(Invalid, match=words):
            worse.overrides.ask(LEAD, second, gates, WHY, hours, "key")
    asked = break_glass(worse)
    with pytest.raises(Conflict, match="End it before you ask for another"):
        worse.overrides.ask(DEPUTY, second, ("sensitivity",), WHY, 1.0, "other")
    worse.overrides.confirm(DEPUTY, second, asked.id, WHY)
    with pytest.raises(Conflict, match="Production has moved"):
        worse.promotions.approve_and_promote(LEAD, second, "v9-dead", WHY, "key", worse.advisory(second))
    changed = second.model_copy(update={"digest": "sha256:changed"})
    with pytest.raises(PolicyDenied, match="tested with another digest"):
        worse.promotions.approve_and_promote(LEAD, changed, worse.promotions.stable(), WHY, "key")


def test_a_quarantined_version_goes_nowhere_by_any_path(two):
    two.cloud.register("3")
    two.run()
    first, third = two.version("1"), two.version("3")
    held = two.quarantines.quarantine(OPERATOR, first, "its data were recalled")
    assert two.quarantines.quarantine(OPERATOR, first, "its data were recalled") == held
    two.quarantines.quarantine(LEAD, third, "its data were recalled")
    with pytest.raises(Conflict, match="in quarantine already, by operator"):
        two.quarantines.quarantine(LEAD, first, "and for another reason")
    found = two.models.dossier(third)
    assert found.state is VersionState.QUARANTINED
    assert "in quarantine since" in found.why
    stable = two.promotions.stable()
    for path in (
        lambda: two.models.approve(LEAD, third, WHY, "a"),
        lambda: two.promotions.approve_and_promote(LEAD, third, stable, WHY, "b"),
        lambda: two.promotions.promote(LEAD, third, stable, WHY, "c"),
        lambda: two.promotions.roll_back(LEAD, stable, WHY, "d", "1"),
        lambda: two.promotions.stage(LEAD, third, WHY, "e"),
        lambda: two.models.approve(LEAD, third.model_copy(update={"version": "9"}), WHY, "same bytes"),
    ):
        with pytest.raises(PolicyDenied, match=r"Quarantine: v.* quarantine since"):
            path()
    with pytest.raises(NotPermitted):
        two.quarantines.release(OPERATOR, third, "the data are good again")
    two.quarantines.release(LEAD, third, "the data are good again")
    assert two.models.dossier(third).state is not VersionState.QUARANTINED
    with pytest.raises(NotFound):
        two.quarantines.release(LEAD, third, "the data are good again")


def test_what_serves_keeps_serving_and_says_that_it_is_quarantined(two):
    before = two.traffic
    two.quarantines.quarantine(OPERATOR, two.version("2"), "it answers too slowly")
    two.settle(5)
    found = two.models.dossier(two.version("2"))
    assert (found.state, two.traffic) == (VersionState.SERVING, before)
    assert "v2 is in quarantine since" in found.why
    assert two.promotions.roll_back(OPERATOR, two.promotions.stable(), WHY, "back").target.version == "1"


def test_a_retired_version_is_out_of_use_for_good(two):
    first, second = two.version("1"), two.version("2")
    with pytest.raises(Conflict, match="v2 serves diabetes-endpoint"):
        two.quarantines.retire(LEAD, second, "its work is done")
    two.quarantines.quarantine(OPERATOR, first, "its data are doubtful")
    two.quarantines.retire(LEAD, first, "its work is done")
    assert two.quarantines.retire(LEAD, first, "said again").reason == "its work is done"
    assert "v1 is retired since" in two.models.dossier(first).why
    with pytest.raises(Conflict, match="v1 is retired, which is for good"):
        two.quarantines.release(LEAD, first, "we need it again")
    with pytest.raises(PolicyDenied, match="Quarantine: v1 is retired since"):
        two.promotions.roll_back(LEAD, two.promotions.stable(), WHY, "back", "1")
    told = two.store.audit.entries(limit=1, subject="model/diabetes-classifier:1")[0]
    assert (told.action, told.before, told.after) == ("version.retired", "in use", "retired")


def test_a_new_version_in_quarantine_is_not_tested_by_itself(ready):
    third = ready.cloud.register("3")
    ready.quarantines.quarantine(OPERATOR, third, "registered by mistake")
    assert ready.watch.look(tuple(ready.cloud.registered.values())) is None
    ready.cloud.register("4")
    assert ready.watch.look(tuple(ready.cloud.registered.values())).target.version == "4"


def test_quarantine_in_mid_promotion_sends_it_back(ready):
    before = ready.traffic
    ready.click("2")
    while not any(name not in before for name in ready.traffic):
        ready.tick()
    ready.quarantines.quarantine(OPERATOR, ready.version("2"), "the new meters confuse it")
    ready.run("click-2")
    ended = ready.promotions.get("click-2")
    assert (ended.phase, ready.traffic) == (Phase.ROLLED_BACK, before)
    assert "Aborted by operator: v2 was quarantined" in ended.reason


@pytest.mark.parametrize("moment", ["before it is created", "before its next step"])
def test_the_engine_itself_looks_before_it_creates_or_shifts(ready, moment):
    """Whoever wrote the quarantine and however: nobody asks the promotion to stop here."""
    before = ready.traffic
    ready.click("2")
    while moment != "before it is created" and not any(name not in before for name in ready.traffic):
        ready.tick()
    second = ready.version("2")
    held = Quarantine(
        model=second.name, version="other", digest=second.digest, reason="recalled", set_by="x", set_at=ready.clock()
    )
    ready.store.quarantines.set(held, Note("x", "cli", "version.quarantined", f"model/{second.name}:other"))
    ready.run("click-2")
    ended = ready.promotions.get("click-2")
    assert ended.phase in {Phase.FAILED, Phase.ROLLED_BACK}
    assert "Quarantine: v2 has the same bytes as vother" in ended.reason
    assert ready.traffic == before


def test_the_engine_itself_refuses_what_nobody_has_approved(ready):
    """A promotion that came into the queue by another way than the operation, at its first write and at a later one."""
    before, second = ready.traffic, ready.version("2")
    target = target_on(PRODUCTION, second)
    rollout = ready.store.evidence.rollout(second.name, second.version)
    steps = plan.promote_plan(rollout, has_stable=True)
    wanted = transitions.begin(
        "smuggled", Kind.PROMOTE, target, steps, by="x", reason=WHY, now=ready.clock(),
        expected_stable=ready.promotions.stable(),
    )  # fmt: skip
    ready.store.promotions.submit(wanted, Note("x", "cli", "promotion.promote_requested", "promotion/smuggled"))
    ready.run("smuggled")
    ended = ready.promotions.get("smuggled")
    assert ended.phase in {Phase.FAILED, Phase.ROLLED_BACK}
    assert "nobody has approved v2" in ended.reason
    assert ready.traffic == before
    assert target.deployment not in {d.name for d in ready.cloud.reach().endpoints.get(PRODUCTION).deployments}
