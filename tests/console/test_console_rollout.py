"""The plan's pace, the analysis in words, going on early, and freeze windows, as people see them."""

from __future__ import annotations

import re
from datetime import timedelta

import hospital
import hospital_models
from streamlit.testing.v1 import AppTest
from test_console_actions import button, confirm, promotion_under_way
from visitors import claims, text

from backend.domain.analysis import Check, Health, written
from backend.domain.clock import utc_now
from backend.domain.decisions import Blocker, MirrorPlan
from backend.domain.promotions import Phase, Request, Retirement, RetirementState, Waiting
from backend.domain.value import Reading
from backend.promotion import transitions
from console.viewmodels.decision import state_pill
from console.viewmodels.plan import lasting, planned
from console.viewmodels.stop_rules import stop_rules
from console.viewmodels.tracker import checks, observed, sides
from console.viewmodels.traffic import ending

ROLLOUT = hospital_models.ROLLOUT


def test_the_decision_page_says_how_long_it_takes_and_what_it_cannot_show(visit, world):
    shown = text(visit("views/deployments.py", version="2"))
    assert re.search(r"<time>about \d+ \w+</time>", shown)
    assert re.search(r"About \d+ \w+ in all at [\d,]+ calls/h now", shown)
    assert "Live calls show health, not accuracy." in shown
    assert "No freeze is declared." in shown


def test_the_plan_in_calls_and_hours():
    rollout = ROLLOUT.model_copy(update={"mirror": MirrorPlan(percent=20, min_calls=300, min_seconds=60)})
    lines = planned(rollout, "v1-1111", 97.0)
    assert [line.label for line in lines][:2] == ["0 %", "mirror"]
    assert lines[1].text.one_line() == "copies of 20 %: 300 calls and 1 min"
    assert [line.when for line in lines] == ["", "about 15 h", "about 3 h", "about 37 min", "about 19 min", ""]
    assert [line.when for line in planned(rollout, "v1-1111")] == 6 * [""]
    assert planned(rollout, "v1-1111", 0.0)[2].when == "never"
    assert lasting(rollout, None).startswith("How long it takes is not known")
    assert lasting(rollout, 0.0).startswith("It would not end: no calls arrive")
    assert "excludes a rate above" in lasting(rollout, 97.0)


def test_the_first_version_goes_to_all_calls_at_once():
    lines = planned(ROLLOUT, "", 0.0)
    assert [line.label for line in lines] == ["0 %", "100 %"]
    assert lines[1].text.one_line() == "all calls at once: nothing serves yet"


def test_stop_rules_tell_the_limits_against_stable():
    rollout = ROLLOUT.model_copy(update={"max_error_increase": 0.005, "max_p95_ratio": 1.5, "max_cpu_percent": 85})
    rules = {(rule.measure, rule.limit): rule.when for rule in stop_rules(rollout, "v1-1111")}
    assert rules == {
        ("errors", "1 %"): "at every step",
        ("p95", "250 ms"): "at every step",
        ("errors", "stable + 0.5 pt"): "while stable takes calls",
        ("p95", "1.5 × stable"): "while stable takes calls",
        ("processor", "85 %"): "three minutes in a row",
        ("another digest", "any"): "at every step",
    }
    assert stop_rules(rollout, "") == ()


def test_the_tracker_draws_every_check_in_its_own_words(visit, world):
    promotion = promotion_under_way(world)
    told = tuple(
        Check(measure=m, health=h, measured=v, limit="≤ 1", n=n, sentence="s")
        for m, h, v, n in (
            ("Errors", Health.GOOD, "0.00 %, 0 of 300", 300),
            ("p95", Health.UNCLEAR, "140 ms", 300),
            ("Processor", Health.UNMEASURED, "–", 0),
        )
    )
    seen = {"calls": 300, "seconds": 8.0, "errors": 0, "checks": written(told)}
    promotion = world.walk(promotion, Waiting(reason="p95 unclear", retry_after=1, output=seen))
    rows = {row.metric: row.verdict.text for row in checks(observed(promotion))}
    assert rows["Errors"] == "pass"
    assert rows["p95"].startswith("inconclusive")
    assert rows["Processor"] == "not measured"
    shown = text(visit("views/deployments.py", promotion=promotion.id))
    assert "not measured" in shown
    assert "140 ms" in shown


def test_a_mirrored_candidate_answers_nobody(world):
    promotion, none = promotion_under_way(world), Reading(value=None, at=None, source="nobody")
    name = promotion.target.deployment
    found = sides(promotion, {}, none, none, "15 min", {name: 20})
    assert [side.since for side in found if side.deployment == name] == ["copies of 20 % of the calls, answers nobody"]


def test_a_lead_goes_on_early_for_a_reason(visit, world):
    promotion = promotion_under_way(world)
    app = visit("views/deployments.py", promotion=promotion.id)
    confirm(app, "promote_now", promotion, "The ward has seen enough of it.")
    wish = world.store.promotions.get(promotion.id)
    assert (wish.request, wish.request_by) == (Request.PROMOTE_NOW, "lead")
    assert wish.request_reason == "The ward has seen enough of it."


def test_an_operator_sees_why_not(visit, world):
    promotion = promotion_under_way(world)
    app = visit("views/deployments.py", promotion=promotion.id, user=claims("operator"))
    found = button(app, "promote_now")
    assert found.disabled
    assert found.help == "Needs the role lead."


def test_a_window_is_waited_for_and_not_blamed_on_anybody(world):
    decision = world.wired.backend.promotions.decision(hospital.LEAD, hospital_models.version(2), None)
    until = utc_now() + timedelta(hours=5)
    window = Blocker(what="Window", why="Frozen.", who="nobody needs to: it ends by itself", until=until)
    closed = state_pill(decision.model_copy(update={"blockers": (window,)}))
    assert closed.text == f"Waiting for the window until {until:%a %d %b %H:%M} UTC"
    other = Blocker(what="Approval", why="None.", who="lead")
    assert state_pill(decision.model_copy(update={"blockers": (window, other)})).text == "Blocked by approval (lead)"


def test_what_is_kept_says_when_it_ends_and_what_it_costs(visit, world):
    name = hospital_models.target(hospital_models.version(1), "").deployment
    due = utc_now() + timedelta(hours=20)
    kept = Retirement(id="r", endpoint="e", deployment=name, promotion="p", due_at=due, state=RetirementState.SCHEDULED)
    assert ending(name, (kept,), utc_now()).startswith("ends ")
    assert ending("v9-9999", (kept,), utc_now()) == ""
    world.store.retirements.schedule("diabetes-endpoint", name, "p", due)
    shown = text(visit("views/deployments.py"))
    assert "Cost, declared" in shown
    assert "no price declared" in shown
    assert "ends " in shown


def test_the_page_of_a_paused_observation_offers_both_ways_on(visit, world):
    promotion = promotion_under_way(world)
    late = utc_now() + timedelta(days=30)
    world.store.promotions.change(
        promotion.id,
        lambda now: transitions.advance(now, Waiting(reason="21 of 30 calls", retry_after=1), late),
        hospital.worker_note,
    )
    assert world.store.promotions.get(promotion.id).phase is Phase.PAUSED
    app: AppTest = visit("views/deployments.py", promotion=promotion.id)
    assert not button(app, "resume").disabled
    assert not button(app, "promote_now").disabled
