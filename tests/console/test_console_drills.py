"""The controls on the setup page: when each was last refused, what was not, and who may have them tried."""

from __future__ import annotations

from datetime import timedelta

import pytest
from visitors import claims, text

from backend.domain.clock import utc_now
from backend.domain.drills import Control, DrillState, Outcome, Verdict
from backend.domain.people import Actor, Role
from backend.domain.setup import Change, FindingState, PlannedResource, SetupLook
from backend.store import Store

PAGE = "views/setup.py"
LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))


def button(app, key):
    return next(found for found in app.button if found.key == key)


def performed(world, *verdicts):
    """A drill as a worker records it."""
    store = world.store
    store.drills.ask(LEAD, "a drill")
    drill = store.drills.claim(60)
    for verdict in verdicts:
        store.drills.record(drill, verdict)
    store.drills.end(drill, "Done.")


def verdict(control, outcome, told="“no”", **more):
    return Verdict(control=control, outcome=outcome, told=told, tried_as="lead", **more)


def test_before_the_first_drill_every_control_is_named(visit, world):
    shown = text(visit(PAGE))
    assert shown.count("never tried") == len(Control)
    assert "Direct push to the default branch" in shown
    assert "no drill yet" in shown


def test_each_of_the_four_words_and_when_it_was_last_refused(visit, world):
    performed(
        world,
        verdict(Control.PUSH, Outcome.REFUSED, "“<b>Changes</b> must be made through a pull request.”"),
        verdict(Control.DELETION, Outcome.NOT_REFUSED, "No rule of main says: no deletion.", left="a branch"),
        verdict(Control.REVIEWERS, Outcome.ABSENT, "The plan has none.", instead="The ruleset decides."),
        verdict(Control.CI_RIGHTS, Outcome.UNKNOWN, "Azure did not answer."),
    )
    shown = text(visit(PAGE))
    for words in ("last refused", "NOT refused", "absent", "unknown", "The ruleset decides.", "Left behind: a branch"):
        assert words in shown
    assert "&lt;b&gt;Changes" in shown
    assert "<b>Changes" not in shown
    first = shown.index("Deletion of the default branch")
    assert first < shown.index("Change of the endpoint by a workflow") < shown.index("Direct push")


def test_a_lead_has_them_tried_once(visit, world):
    app = visit(PAGE)
    button(app, "run_drill").click().run()
    asked = world.store.drills.latest()
    assert (asked.asked_by, asked.state) == ("lead", DrillState.WANTED)
    again = button(visit(PAGE), "run_drill")
    assert again.disabled
    assert "under way: 0 of 14 tried" in again.help
    drill = world.store.drills.claim(60)
    world.store.drills.record(drill, verdict(Control.PUSH, Outcome.REFUSED))
    assert "under way for lead: 1 of 14 tried" in text(visit(PAGE))
    world.store.drills.end(drill, "1 refused.")
    app = visit(PAGE)
    assert not button(app, "run_drill").disabled
    assert "1 refused." in text(app)


@pytest.mark.parametrize("role", ["viewer", "scientist", "operator", "auditor"])
def test_others_see_the_button_and_why(visit, world, role):
    run = button(visit(PAGE, user=claims(role)), "run_drill")
    assert run.disabled
    assert "lead or administrator" in run.help


def test_an_administrator_may(visit, world):
    assert not button(visit(PAGE, user=claims("admin", "administrator")), "run_drill").disabled


def test_what_was_not_refused_is_a_finding_that_a_person_takes(visit, world):
    subject = PlannedResource(
        kind="control", name=Control.PUSH.value, where="hospital/diabetes", change=Change.UPDATE, by_hand=True
    )
    world.store.setup_findings.take_in(SetupLook(found=((subject, FindingState.NOT_REFUSED, ("It went through.",)),)))
    (finding,) = world.store.setup_findings.open()
    app = visit(PAGE)
    assert "It went through." in text(app)
    assert not button(app, f"take_{finding.id}").disabled
    fix = button(app, f"fix_{finding.id}")
    assert fix.disabled
    assert "runs a drill again" in fix.help


def test_a_refusal_of_some_hours_ago_is_told_in_hours(visit, world):
    past = Store(world.wired.settings.database_url, lambda: utc_now() - timedelta(hours=6))
    past.drills.ask(LEAD, "six hours ago")
    drill = past.drills.claim(60)
    past.drills.record(drill, verdict(Control.PUSH, Outcome.REFUSED))
    past.drills.end(drill, "1 refused.")
    past.close()
    assert "last refused 6 h ago" in text(visit(PAGE))
