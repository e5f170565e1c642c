"""Nobody sees a page without a fresh sign-in and a known role."""

from __future__ import annotations

import time

import pytest
from visitors import claims, text


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"is_logged_in": False}, ""),
        (claims() | {"exp": time.time() - 1}, "Your sign-in has ended."),
        (claims() | {"auth_time": time.time() - 86_400 * 3}, "too old"),
        (claims() | {"roles": ["janitor"]}, "lead has no role in this console"),
        ({k: v for k, v in claims().items() if k != "auth_time"}, "must send auth_time"),
    ],
)
def test_the_gate_stays_shut(visit, world, user, said):
    app = visit("views/overview.py", user=user)
    assert [button.key for button in app.button] == ["sign_in"]
    assert said in text(app)
    assert "Waiting for you" not in text(app)


def test_a_sign_in_is_noted_once_however_many_tabs_are_opened(visit, world):
    before = len(world.wired.backend.ledger.entries(subject="person/lead"))
    user = claims()
    visit(user=user)
    visit(user=user)
    noted = world.wired.backend.ledger.entries(subject="person/lead")
    assert len(noted) == before + 1
    assert noted[0].action == "person.signed_in"


def test_the_environment_and_the_person_are_always_shown(visit, world):
    sidebar = "\n".join(element.proto.body for element in visit().sidebar.get("html"))
    assert "Local, simulated patients" in sidebar
    assert "<b>lead</b> · approves and promotes" in sidebar
