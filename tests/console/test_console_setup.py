"""The setup page: the plan field by field with its age, what drifted with its fix, and who may ask for it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from visitors import claims, text

from backend.domain.people import Role
from backend.domain.promotions import ADOPTED, Kind, Phase, Target
from backend.domain.setup import (
    Change,
    DeclaredField,
    FindingState,
    FixState,
    MonthlyCost,
    PlannedResource,
    SetupLook,
    SetupPlan,
)
from backend.promotion import transitions, wording
from backend.store.audit import Note
from console import topics
from console.navigation import places_of

PAGE = "views/setup.py"
CHECKS = DeclaredField(name="checks", declared="quality-gate", now="<b>none</b>", change=Change.UPDATE)
BYPASS = DeclaredField(name="bypass", declared="none", now=None, change=Change.UNREADABLE)
APPROVALS = DeclaredField(name="approvals", declared="1", now="1", change=Change.NONE)
RULESET = PlannedResource(
    kind="ruleset", name="main", where="hospital/diabetes", change=Change.UPDATE, fields=(CHECKS, BYPASS, APPROVALS)
)
OWNERS = PlannedResource(
    kind="code owners", name="CODEOWNERS", where="hospital/diabetes", change=Change.CREATE, note="open a pull request",
    by_hand=True,
)  # fmt: skip
VAULT = PlannedResource(
    kind="key vault",
    name="vault",
    where="diabetes-prod",
    change=Change.UNREADABLE,
    note="Azure refused vault: no right",
)
COST = MonthlyCost(amount=102.2, currency="USD", made_of="1 x Standard_DS2_v2, always on", without="Logs on top.")


def button(app, key):
    return next(found for found in app.button if found.key == key)


@pytest.fixture
def drifted(world):
    world.wired.snapshots.put(topics.plan(), SetupPlan(resources=(RULESET, OWNERS, VAULT), cost=COST))
    found = (
        (RULESET, FindingState.DRIFTED, RULESET.sentences),
        (OWNERS, FindingState.DRIFTED, ("it is gone",)),
        (VAULT, FindingState.UNKNOWN, (VAULT.note,)),
    )
    world.store.setup_findings.take_in(SetupLook(found=found))
    return {finding.kind: finding for finding in world.store.setup_findings.open()}


def test_the_plan_is_shown_field_by_field_with_its_age(visit, world, drifted):
    shown = text(visit(PAGE))
    assert "1 of 3 as declared" not in shown
    assert "0 of 1 as declared" in shown
    for words in (
        "checks",
        "&lt;b&gt;none&lt;/b&gt;",
        "quality-gate",
        "not visible to this identity",
        "cannot be read",
    ):
        assert words in shown
    assert "<b>none</b>" not in shown
    assert "102 USD a month" in shown
    assert "read " in shown


def test_what_may_not_be_seen_is_unknown_and_offers_no_fix(visit, world, drifted):
    app = visit(PAGE)
    assert "unknown" in text(app)
    fix = button(app, f"fix_{drifted['key vault'].id}")
    assert fix.disabled
    assert "Nobody knows" in fix.help
    by_hand = button(app, f"fix_{drifted['code owners'].id}")
    assert (by_hand.disabled, by_hand.help) == (True, "open a pull request")


def test_a_lead_asks_for_a_fix_and_is_its_owner(visit, world, drifted):
    finding = drifted["ruleset"]
    app = visit(PAGE)
    button(app, f"fix_{finding.id}").click().run()
    app.text_area(key=f"reason_fix_{finding.id}").set_value("The check was taken out for a test")
    button(app, f"confirm_fix_{finding.id}").click().run()
    asked = world.store.setup_findings.get(finding.id)
    assert (asked.fix, asked.fix_by, asked.owner) == (FixState.WANTED, "lead", "lead")
    assert button(app, f"fix_{finding.id}").disabled
    world.store.setup_findings.end_fix(asked, FixState.LEFT, "Run `mlops setup apply`.")
    assert "Run `mlops setup apply`." in text(visit(PAGE))


def test_who_may_not_change_the_setup_sees_why(visit, world, drifted):
    app = visit(PAGE, user=claims("viewer"))
    fix = button(app, f"fix_{drifted['ruleset'].id}")
    assert fix.disabled
    assert "apply setup" in fix.help


def test_nothing_drifted_says_what_would_be_here(visit, world):
    assert "Nothing has drifted" in text(visit(PAGE))


def test_a_page_outside_the_menu_keeps_its_address(visit, world):
    assert "Setup" not in {place.title for place in places_of(frozenset({Role.LEAD}))}
    assert "Plan" in text(visit(PAGE))


def test_an_adopted_version_is_told_as_such(visit, empty_world):
    target = Target(
        endpoint="diabetes-endpoint", model="diabetes-classifier", version="1", digest="sha256:" + "ab" * 32,
        threshold=0.5, environment="env:1", deployment="blue", run=ADOPTED,
    )  # fmt: skip
    now = datetime.now(UTC)
    begun = transitions.begin("adopt-v1", Kind.ADOPT, target, (), by="lead", reason="Taken over.", now=now)
    adopted = begun.model_copy(update={"phase": Phase.SUCCEEDED, "reason": "It serves as before.", "finished_at": now})
    note = Note(
        actor="lead", channel="cli", action="promotion.adopted", subject="promotion/adopt-v1", reason="Taken over.",
        after="succeeded", detail=wording.detail(adopted),
    )  # fmt: skip
    empty_world.store.promotions.submit(adopted, note)
    told = text(visit("views/deployments.py", promotion="adopt-v1"))
    assert "which served before the console came" in told
    assert "Adoption of v1" in text(visit("views/audit.py"))
    assert not visit("views/deployments.py").exception
    assert not visit("views/overview.py").exception
