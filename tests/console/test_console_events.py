"""What happened outside the console is red on every page, and taken and explained on one; the seal says its limits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hospital_models import target, version
from hospital_readings import endpoint
from visitors import claims, text

from backend.domain.clock import utc_now
from backend.domain.proofs import LIMITS, Part, Proof, ProofState
from backend.domain.unexplained import EventKind, EventState, Look, Noticed
from backend.domain.value import Reading
from console.viewmodels.proof import seal

PAGES = ("overview", "pull_requests", "experiments", "models", "deployments", "monitoring", "audit", "setup", "inbox")
ENDPOINT = "diabetes-endpoint"
SERVING = target(version(1), "").deployment


@pytest.mark.parametrize(
    ("found", "seconds_ago", "traffic", "state", "words"),
    [
        (ProofState.UNPROVEN, 2, {"v2-7f3a": 100}, "Being proved", "asks again within 20 s"),
        (ProofState.PROVEN, 2, {SERVING: 90, "v2-7f3a": 10}, "Being proved", "asks again within 20 s"),
        (ProofState.PROVEN, 2, {SERVING: 100, "v2-7f3a": 0}, "Serving what was approved", "Read."),
        (ProofState.PROVEN, 9, {"v2-7f3a": 100}, "Serving what was approved", "Read."),
        (ProofState.MISMATCH, 2, {"v2-7f3a": 100}, "Not what was approved", "Read."),
    ],
)
def test_a_look_from_before_the_traffic_moved_says_nothing_of_what_serves_now(
    found, seconds_ago, traffic, state, words
):
    beside = Reading(
        value=endpoint(ENDPOINT, traffic), at=utc_now() - timedelta(seconds=seconds_ago), source="Azure ML"
    )
    told = seal(proof(found), utc_now(), beside)
    assert told.pill.text == state
    assert words in told.said.one_line()


def button(app, key):
    return next(found for found in app.button if found.key == key)


def proof(state, reason="Read.", age=5.0, proven=5.0):
    now = utc_now()
    part = Part(deployment=SERVING, weight=100, version="1", digest="sha256:1", threshold=0.5)
    return Proof(
        endpoint=ENDPOINT,
        at=now - timedelta(seconds=age),
        state=state,
        reason=reason,
        expected=(part,),
        served=(part,),
        proven_at=now - timedelta(seconds=proven) if proven else None,
    )


@pytest.fixture
def event(world):
    noticed = Noticed(
        kind=EventKind.TRAFFIC,
        subject=f"endpoint/{ENDPOINT}",
        expected="v1-3c9e 100 %",
        actual="<b>theirs</b> 60 %, v1-3c9e 40 %",
        by="somebody@hospital.example",
        happened_at=utc_now(),
    )
    (new,) = world.store.unexplained.take_in(Look(noticed=(noticed,)))
    return new


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_happened_and_leads_to_where_it_is_explained(visit, world, event, page):
    app = visit(f"views/{page}.py")
    shown = text(app)
    assert "Something happened outside the console" in shown
    assert "Traffic changed on diabetes-endpoint: &lt;b&gt;theirs&lt;/b&gt; 60 %" in shown
    assert "somebody@hospital.example" in shown
    links = [link.proto for link in app.main.get("page_link")]
    assert any("explain it" in link.label for link in links)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_says_anything_while_nothing_has_happened(visit, world, page):
    assert 'role="alert"' not in text(visit(f"views/{page}.py"))


def test_an_operator_takes_it_and_explains_it_and_the_banner_goes(visit, world, event):
    app = visit("views/audit.py", user=claims("operator"))
    button(app, f"take_{event.id}").click().run()
    app.text_area(key=f"reason_take_{event.id}").set_value("I ask the platform team")
    button(app, f"confirm_take_{event.id}").click().run()
    assert world.store.unexplained.get(event.id).owner == "operator"
    assert "operator looks into it." in text(app)
    assert button(app, f"take_{event.id}").disabled
    button(app, f"explain_{event.id}").click().run()
    app.text_area(key=f"reason_explain_{event.id}").set_value("the platform team tried a new image")
    button(app, f"confirm_explain_{event.id}").click().run()
    explained = world.store.unexplained.get(event.id)
    assert (explained.state, explained.explained_by) == (EventState.EXPLAINED, "operator")
    shown = text(app)
    assert 'role="alert"' not in shown
    assert "the platform team tried a new image" in shown


def test_a_viewer_reads_and_is_told_who_may(visit, world, event):
    app = visit("views/audit.py", user=claims("viewer"))
    for verb in ("take", "explain"):
        found = button(app, f"{verb}_{event.id}")
        assert found.disabled
        assert "takes the role lead or operator" in found.help


def test_an_open_event_disables_the_click_with_its_reason(visit, world, event):
    app = visit("views/deployments.py", version="2")
    assert button(app, "promote").disabled
    assert "Unexplained event" in button(app, "promote").help


@pytest.mark.parametrize("page", ["overview", "monitoring"])
def test_the_seal_stands_with_its_limits(visit, world, page):
    world.store.proofs.keep(proof(ProofState.PROVEN, "diabetes-endpoint serves v1 at 100 %, as approved."))
    shown = text(visit(f"views/{page}.py"))
    assert "Serving what was approved" in shown
    assert "own word" in shown
    world.store.proofs.keep(proof(ProofState.MISMATCH, "Another model answers.", age=1))
    shown = text(visit(f"views/{page}.py"))
    assert "Serving what was approved" not in shown
    assert "Not what was approved" in shown


def test_the_decision_page_of_what_serves_carries_the_seal(visit, world):
    world.store.proofs.keep(proof(ProofState.PROVEN))
    assert "Serving what was approved" in text(visit("views/deployments.py", version="1"))


@pytest.mark.parametrize(
    ("state", "age", "words", "tone"),
    [
        (None, 0, "Not proved yet", "quiet"),
        (ProofState.PROVEN, 5, "Serving what was approved", "good"),
        (ProofState.PROVEN, 61, "Unproven", "quiet"),
        (ProofState.UNPROVEN, 5, "Unproven", "quiet"),
        (ProofState.MISMATCH, 5, "Not what was approved", "bad"),
        (ProofState.MISMATCH, 3600, "Not what was approved", "bad"),
    ],
)
def test_green_is_claimed_only_while_somebody_looks(state, age, words, tone):
    told = seal(proof(state, age=age, proven=age) if state else None, utc_now())
    assert (told.pill.text, told.pill.tone, told.limits) == (words, tone, LIMITS)
