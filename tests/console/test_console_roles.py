"""What each role sees, where it lands, and what becomes of an open page when its person changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hospital import LEAD, World
from pydantic import SecretStr
from visitors import claims, text

from backend.bootstrap import github_oauth
from backend.domain.clock import utc_now
from backend.domain.people import RIGHTS, GitHubGrant, Right, Role
from backend.errors import RemoteUnavailable
from backend.operations.authorise import refusal
from backend.operations.people import People
from console import wiring
from console.navigation import BESIDE, GOVERN, MOST, WORK, places_of

LANDING = {
    Role.VIEWER: "Overview",
    Role.SCIENTIST: "Overview",
    Role.LEAD: "Overview",
    Role.OPERATOR: "Deployments",
    Role.APP_DEVELOPER: "Contract",
    Role.AUDITOR: "Audit",
    Role.ADMINISTRATOR: "Setup",
}


def heading(app) -> str:
    found = text(app)
    return found.partition("<h1>")[2].partition("</h1>")[0]


@pytest.mark.parametrize("role", Role)
def test_each_role_has_at_most_six_views_and_lands_on_its_own_first_one(visit, world, role):
    mine = places_of(frozenset({role}))
    assert len(set(mine)) == len(mine) <= MOST
    assert set(mine) <= {*WORK, *BESIDE, *GOVERN}
    assert mine[0].title == LANDING[role]
    app = visit(user=claims("somebody", role.value))
    assert not app.exception
    assert heading(app) == LANDING[role]
    app.switch_page("views/overview.py").run()
    assert heading(app) == "Overview"


def test_a_link_is_followed_by_every_role(visit, world):
    for role in Role:
        app = visit("views/deployments.py", user=claims("somebody", role.value), version="2")
        assert "v2" in heading(app) + text(app)
        assert not app.exception


@pytest.mark.parametrize("role", Role)
def test_a_button_that_a_role_may_not_use_says_why(visit, world, role):
    app = visit("views/deployments.py", user=claims("somebody", role.value), version="2")
    approve = next(button for button in app.button if button.key == "approve")
    assert approve.disabled or Right.APPROVE in RIGHTS[role]
    if Right.APPROVE not in RIGHTS[role]:
        actor = LEAD.model_copy(update={"name": "somebody", "roles": frozenset({role})})
        assert approve.help == refusal(actor, Right.APPROVE)


class Roles:
    """A directory in which roles are taken away, as `People` asks it."""

    def __init__(self) -> None:
        self.held = frozenset({"lead"})
        self.silent = False

    def __call__(self, person: str) -> frozenset[str]:
        assert person == "the person's id"
        if self.silent:
            raise RemoteUnavailable("The directory does not answer", service="the directory", operation="read roles")
        return self.held


@pytest.fixture
def roles(world: World) -> Roles:
    """The console asks a directory from now on; everything else of it stays as it is."""
    asked, wired = Roles(), world.wired
    people = People(github_oauth(wired.settings), world.store, utc_now, wired.settings.signin.max_age, {}, asked)
    wiring.install(replace(wired, backend=replace(wired.backend, people=people)))
    return asked


def person(**more) -> dict[str, object]:
    return {**claims(), "oid": "the person's id", "nonce": "of one sign-in", **more}


def entries(world: World) -> list[str]:
    return [entry.action for entry in world.wired.backend.ledger.entries(limit=5)]


def test_signing_out_in_one_tab_ends_the_sign_in_in_every_other(visit, world):
    first, second = visit(user=person()), visit(user=person())
    other = visit(user=person(nonce="another browser"))
    first.button(key="sign_out").click().run()
    assert entries(world)[0] == "person.signed_out"
    second.run()
    assert "You have signed out" in text(second)
    assert [button.key for button in second.button] == ["sign_in"]
    assert "You have signed out" in text(visit(user=person()))
    other.run()
    assert heading(other) == "Overview"


def ready_to_approve(visit, *roles_of_the_sign_in):
    """The decision page with everything ticked, so that one click is missing."""
    app = visit("views/deployments.py", user=person(roles=list(roles_of_the_sign_in)), version="2")
    for tick in app.checkbox:
        tick.check()
    app.run()
    assert not app.button(key="approve").disabled
    return app


@pytest.mark.parametrize(
    ("signed_in_with", "left", "said"),
    [
        (("lead",), (), "lead no longer has a role in this console"),
        (("lead", "operator"), ("operator",), "You no longer have the role lead"),
    ],
)
def test_a_role_that_was_taken_away_refuses_the_next_click(visit, world, roles, signed_in_with, left, said):
    roles.held = frozenset(signed_in_with)
    app = ready_to_approve(visit, *signed_in_with)
    before = entries(world)
    roles.held = frozenset(left)
    app.button(key="approve").click().run()
    assert said in text(app)
    assert entries(world) == before


def test_a_role_that_goes_while_a_dialog_is_open_is_told_on_the_page_below_it(visit, world, roles):
    """Two clicks: one opened the dialog with the role, the other confirms it without."""
    roles.held = frozenset({"lead", "operator"})
    app = visit("views/deployments.py", user=person(roles=["lead", "operator"]), version="2")
    app.button(key="reject").click().run()
    before = entries(world)
    roles.held = frozenset({"operator"})
    app.text_area(key="reason_reject_2").set_value("It misses too many patients.")
    app.button(key="confirm_reject_2").click().run()
    assert "Not done" in text(app)
    assert "You no longer have the role lead. Sign out and in again" in text(app)
    assert entries(world) == before


def test_with_the_role_the_click_is_carried_out_also_while_the_directory_is_silent(visit, world, roles):
    app = ready_to_approve(visit, "lead")
    roles.silent = True
    app.button(key="approve").click().run()
    assert "version.approved" in entries(world)


def test_a_click_in_a_tab_whose_sign_in_was_ended_in_another_changes_nothing(visit, world, roles):
    app, other = ready_to_approve(visit, "lead"), visit(user=person())
    other.button(key="sign_out").click().run()
    before = entries(world)
    app.button(key="approve").click().run()
    assert "You have signed out" in text(app)
    assert entries(world) == before


def test_ones_github_account_is_taken_back_from_the_page(visit, world):
    nowhere = world.wired.settings.github.model_copy(update={"api_url": "https://localhost:9/api/v3"})
    cut_off = github_oauth(world.wired.settings.model_copy(update={"github": nowhere}))
    people = People(cut_off, world.store, utc_now, world.wired.settings.signin.max_age, {})
    wiring.install(replace(world.wired, backend=replace(world.wired.backend, people=people)))
    world.store.tokens.put("lead", "lee-lead", GitHubGrant(access=SecretStr("ghu_1")))
    app = visit("views/pull_requests.py", number="14")
    assert "On GitHub you act as <b>lee-lead</b>" in text(app)
    app.button(key="disconnect_github").click().run()
    assert "has forgotten your GitHub token, but GitHub could not be told" in text(app)
    assert world.store.tokens.held("lead") is None
    assert entries(world)[0] == "github.disconnected"
    assert "disconnect_github" not in [button.key for button in app.button]
