"""What waits for a person, what does not, and where that is said instead."""

from __future__ import annotations

import hospital
import hospital_models
import pytest
from hospital_readings import endpoint
from visitors import text

from backend.domain.promotions import Kind
from backend.store.audit import Note
from console import topics

PRODUCTION = "diabetes-endpoint"
BACK = "It missed too many patients."
DECIDE = "Decide about diabetes\\-classifier v2"


def links(app):
    return [link.proto.label for link in app.main.get("page_link")]


@pytest.fixture
def rolled_back(world):
    """v2 served, and was rolled back to v1."""
    stable = hospital_models.target(hospital_models.version(1), "").deployment
    world.finish(world.begin(Kind.PROMOTE, hospital_models.version(2), stable=stable))
    promotions = world.wired.backend.promotions
    world.finish(promotions.roll_back(hospital.LEAD, promotions.stable(), BACK, "a key"))
    return world


def test_a_version_that_was_rolled_back_waits_for_nobody(visit, rolled_back):
    for page in ("views/overview.py", "views/deployments.py"):
        app = visit(page)
        assert DECIDE not in links(app)
        assert "v2 waits for a decision" not in text(app)


def test_where_a_rolled_back_version_stands_is_said_by_its_pages(visit, rolled_back):
    said = f"lead rolled production back to v1: {BACK}"
    for app in (
        visit("views/models.py"),
        visit("views/models.py", version="2"),
        visit("views/deployments.py"),
        visit("views/deployments.py", version="2"),
    ):
        assert "Rolled back" in text(app)
        assert said in text(app)


@pytest.mark.parametrize(
    ("traffic", "told"), [({"v1-3c9e": 100}, "What serves goes on serving"), ({}, "Nothing serves")]
)
def test_what_waiting_means_for_those_who_are_served_now(visit, world, traffic, told):
    world.wired.snapshots.put(topics.endpoint(PRODUCTION), endpoint(PRODUCTION, traffic))
    assert f"{told} until then." in text(visit())


def test_a_version_on_its_way_is_followed_and_not_decided_about(visit, world):
    stable = hospital_models.target(hospital_models.version(1), "").deployment
    world.begin(Kind.PROMOTE, hospital_models.version(2), stable=stable)
    assert DECIDE not in links(visit())
    assert any(label.startswith("Promotion of v2 is under way") for label in links(visit()))


def test_the_latest_tells_twelve_acts_however_many_people_sign_in(visit, world):
    for number in range(15):
        world.store.audit.append(Note("viewer", "console", "person.signed_in", f"person/viewer-{number}"))
    shown = text(visit())
    latest = shown[shown.index("<h2>Latest</h2>") :]
    acts = latest[: latest.index("</section>")]
    assert "Signed in" not in acts
    assert "Promotion of v1 succeeded" in acts
    assert "Test of v2 requested" in acts
    beside = ("person.", "step.", "evidence.")
    done = [e for e in world.wired.backend.ledger.entries(limit=1000) if not e.action.startswith(beside)]
    known = sum(e.action not in {"promotion.pending", "promotion.running", "promotion.waiting"} for e in done)
    assert acts.count("<li>") == min(12, known)


def test_the_audit_page_keeps_its_kind_in_the_address(visit, world):
    people = visit("views/audit.py", kind="people")
    assert people.selectbox(key="kind").value == "people"
    assert "Signed in" in text(people)
    assert "Promotion of v1" not in text(people)
    promotions = visit("views/audit.py", kind="promotions")
    assert "Promotion of v1 requested" in text(promotions)
    assert "Signed in" not in text(promotions)
    assert "No entry matches" in text(visit("views/audit.py", kind="runs"))


@pytest.mark.parametrize("kind", ["nonsense", "<b>x</b>", "9" * 20])
def test_an_unknown_kind_in_the_address_is_no_filter(visit, world, kind):
    app = visit("views/audit.py", kind=kind)
    assert not app.exception
    assert app.selectbox(key="kind").value == "all"
