"""The decision page under a policy: who has to agree, how a no is said, and the red path of two people."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hospital
import hospital_models
import pytest
from visitors import claims, text

from backend.bootstrap import build
from backend.domain.authorship import Authorship, CommitAuthors
from backend.domain.people import Actor, Role
from backend.domain.promotions import Kind
from backend.domain.quality import Estimate
from backend.operations.models import WhenServing
from backend.settings_project import ApprovalPolicy
from console import wiring

DEPUTY = Actor(name="deputy", roles=frozenset({Role.LEAD}))
WHY = "The new meters need it now."


def button(app, key):
    return next(found for found in app.button if found.key == key)


def confirm(app, verb, form, reason=WHY):
    button(app, verb).click().run()
    app.text_area(key=f"reason_{form}").set_value(reason)
    button(app, f"confirm_{form}").click().run()


def decide(visit, name="lead", version="2"):
    return visit(
        "views/deployments.py", user=claims(name, "operator" if name == "operator" else "lead"), version=version
    )


def freeze(world, key, body):
    on_test = hospital_models.target(hospital_models.version(2), world.project.test_endpoint)
    world.store.evidence.freeze(key, body, on_test, "a test")


@pytest.fixture
def blocked(world):
    """v2 is badly calibrated: a hard gate did not pass."""
    slope = Estimate(value=2.0, low=1.9, high=2.1)
    freeze(
        world, "badly", hospital_models.holdout_figures(hospital_models.version(2)).model_copy(update={"slope": slope})
    )
    return world


def test_whoever_wrote_a_commit_of_it_reads_which_and_may_not_approve(visit, world):
    commits = (CommitAuthors(commit="3f2" + "a" * 37, authors=("lead",)),)
    known = Authorship(
        head=hospital_models.SHA, base=hospital_models.BASE, pull_request="14", commits=commits, complete=True,
        submitter=None, made_at=hospital_models.NOW,
    )  # fmt: skip
    before = text(decide(visit))
    assert "Only the author of the change is known" in before
    freeze(world, "authors", known)
    app = decide(visit)
    assert "You wrote commit 3f2aaaa, so another lead must approve v2." in text(app)
    assert "scientist, lead" in text(app)
    for key in ("promote", "approve"):
        assert "You wrote commit 3f2aaaa" in button(app, key).help
    assert "1 commit since" in text(decide(visit, "deputy"))


@pytest.mark.parametrize(
    ("verb", "form", "said", "state"),
    [
        ("request_changes", "changes_2", "Changes of v2 are requested.", "changes requested"),
        ("reject", "reject_2", "v2 is rejected.", "rejected"),
        ("quarantine", "quarantine_2", "v2 is in quarantine.", "quarantined"),
    ],
)
def test_a_no_takes_one_dialog_and_a_reason(visit, world, verb, form, said, state):
    app = decide(visit)
    confirm(app, verb, form)
    assert said in text(app)
    found = world.wired.backend.models.dossier(hospital_models.version(2))
    assert (found.state.value, WHY in found.why) == (state, True)
    assert button(app, "promote").disabled


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("verb", "form"), [("request_changes", "changes_2"), ("reject", "reject_2")])
def test_a_refused_version_is_not_said_to_be_stopped_by_nothing(visit, verb, form):
    app = decide(visit)
    assert "Nothing stops it" in text(app)
    confirm(app, verb, form)
    shown = text(decide(visit))
    assert "Nothing stops it" not in shown
    assert "Only an approval given anew, with its own reason, overrules it" in shown


def test_an_operator_holds_promotions_from_the_page(visit, world):
    app = decide(visit, "operator")
    assert button(app, "reject").disabled
    assert button(app, "request_changes").disabled
    confirm(app, "hold", "hold")
    held = world.wired.backend.steering.hold()
    assert (held.set_by, held.reason, held.promotion) == ("operator", WHY, "")
    assert button(app, "hold").disabled
    assert "Promotions are held" in text(decide(visit))


def test_rejecting_what_serves_asks_what_should_happen(visit, world):
    stable = hospital_models.target(hospital_models.version(1), "").deployment
    world.finish(world.begin(Kind.PROMOTE, hospital_models.version(2), stable=stable))
    promotions = world.wired.backend.promotions
    app = decide(visit)
    confirm(app, "reject", "reject_2")
    assert "Say what should happen" in text(app)
    assert promotions.active("diabetes-endpoint") is None
    app = decide(visit)
    button(app, "reject").click().run()
    (asked,) = app.radio
    assert asked.value is None
    asked.set_value(WhenServing.ROLL_BACK)
    app.text_area(key="reason_reject_2").set_value(WHY)
    button(app, "confirm_reject_2").click().run()
    assert promotions.active("diabetes-endpoint").target.version == "1"


def test_what_serves_in_quarantine_says_so_in_red_and_offers_the_way_back(visit, world):
    stable = hospital_models.target(hospital_models.version(1), "").deployment
    world.finish(world.begin(Kind.PROMOTE, hospital_models.version(2), stable=stable))
    world.wired.backend.quarantines.quarantine(DEPUTY, hospital_models.version(2), WHY)
    app = decide(visit, "operator")
    assert "v2 is in quarantine since" in text(app)
    assert "In quarantine" in text(app)
    assert button(app, "roll_back").label == "Roll back to v1…"
    assert not button(app, "roll_back").disabled
    assert "lead" in button(app, "release_quarantine").help


def test_the_glass_takes_two_people_and_stays_red(visit, blocked):
    app = decide(visit)
    assert "Calibration" in button(app, "promote").help
    button(app, "break_glass").click().run()
    app.multiselect(key="glass_gates_2").set_value(["calibration"])
    app.text_area(key="reason_break_glass_2").set_value(WHY)
    button(app, "confirm_break_glass_2").click().run()
    (asked,) = blocked.wired.backend.models.dossier(hospital_models.version(2)).overrides
    assert (asked.gates, asked.asked_by) == (("calibration",), "lead")
    assert "You asked for it, so another lead must confirm it." in button(decide(visit), "confirm_glass").help
    second = decide(visit, "deputy")
    confirm(second, "confirm_glass", f"confirm_glass_{asked.id[:12]}")
    shown = text(decide(visit))
    assert "BREAK-GLASS until" in shown
    assert "Ready, by break-glass" in shown
    assert 'class="notice bad"' in shown
    blocked.wired.backend.overrides.end(DEPUTY, asked.id, WHY)
    assert "Break-glass, closed" in text(decide(visit))
    audit = text(visit("views/audit.py"))
    assert 'class="ver bad"' in audit
    assert "Break-glass confirmed, v2" in audit


def test_a_second_approval_is_asked_for_and_who_has_given_the_first(visit, world):
    project = world.project.model_copy(update={"approval": ApprovalPolicy(quorum=2)})
    settings = world.wired.settings.model_copy(update={"projects": {"diabetes": project}})
    backend = build(settings)
    wiring.install(replace(world.wired, settings=settings, backend=backend))
    found = backend.promotions.decision(DEPUTY, hospital_models.version(2), None)
    told = tuple(blocker.gate for blocker in found.blockers if blocker.gate)
    backend.models.approve(DEPUTY, hospital_models.version(2), WHY, "first", told)
    app = decide(visit)
    assert "deputy, 1 of 2" in text(app)
    assert "1 more lead" in text(decide(visit, "deputy"))
    for tick in app.checkbox:
        tick.check()
    app.run()
    assert not button(app, "promote").disabled


def test_an_approver_lets_somebody_stand_in_and_takes_it_back(visit, world):
    app = visit("views/deployments.py")
    assert "Nobody stands in" in text(app)
    button(app, "stand_in").click().run()
    app.text_input(key="stand_in_account").set_value("deputy")
    app.text_area(key="reason_stand_in_lead").set_value("Away until the end of the month.")
    last_day = app.date_input(key="stand_in_last_day").value
    button(app, "confirm_stand_in_lead").click().run()
    (made, holds), *_ = world.wired.backend.approvers.delegations()
    assert (made.person, made.delegate, holds) == ("lead", "deputy", True)
    assert made.until.date() == last_day + timedelta(days=1)
    app = visit("views/deployments.py")
    assert "<bdi>deputy</bdi></b> for <b><bdi>lead</bdi></b>" in text(app)
    button(app, f"withdraw_{made.id[:12]}").click().run()
    app.text_area(key=f"reason_withdraw_{made.id[:12]}").set_value("Back a day earlier.")
    button(app, f"confirm_withdraw_{made.id[:12]}").click().run()
    assert [holds for _, holds in world.wired.backend.approvers.delegations()] == [False]
    assert "Nobody stands in" in text(visit("views/deployments.py"))


def test_who_may_not_approve_lends_nobody_a_place(visit, world):
    made = world.wired.backend.approvers.delegate(
        hospital.LEAD, "deputy", datetime.now(UTC) + timedelta(days=2), WHY, "away"
    )
    app = visit("views/deployments.py", user=claims("operator"))
    assert "takes the role lead" in button(app, "stand_in").help
    assert "lead or an administrator can revoke it" in button(app, f"withdraw_{made.id[:12]}").help
