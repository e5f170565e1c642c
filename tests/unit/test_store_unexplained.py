"""Events, proofs and marks in both databases."""

from __future__ import annotations

import pytest

from backend.domain.people import Actor, Role
from backend.domain.proofs import Proof, ProofState
from backend.domain.unexplained import EventKind, EventState, Look, Noticed
from backend.errors import NotFound
from tests.recovery.cloud_state import Clock
from tests.recovery.hospital import fresh_store

LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))
DEPUTY = Actor(name="deputy", roles=frozenset({Role.LEAD}))
PLACE = "endpoint/diabetes-endpoint"
TRAFFIC = Noticed(kind=EventKind.TRAFFIC, subject=PLACE, expected="v1 100 %", actual="v1 90 %\0, v2 10 %", by="x" * 400)
FINE = Look(checked=frozenset({(EventKind.TRAFFIC, PLACE)}))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock, databases):
    made = fresh_store(tmp_path, clock, databases)
    yield made
    made.close()


def test_an_event_lives_from_its_notice_to_its_explanation(store, clock):
    (event,) = store.unexplained.take_in(Look(noticed=(TRAFFIC,)))
    clock.pass_(20)
    assert store.unexplained.take_in(Look(noticed=(TRAFFIC,))) == ()
    (seen,) = store.unexplained.unexplained()
    assert (seen.id, seen.first_seen, seen.last_seen) == (event.id, event.first_seen, clock())
    store.unexplained.take(event.id, LEAD, "I look into it at once")
    taken_over = store.unexplained.take(event.id, DEPUTY, "the lead is on leave")
    assert (taken_over.state, taken_over.owner) == (EventState.OWNED, "deputy")
    store.unexplained.take_in(FINE)
    assert store.unexplained.get(event.id).resolved_at == clock()
    assert store.unexplained.unexplained() != (), "an event that has passed is not closed by that"
    store.unexplained.explain(event.id, DEPUTY, "a trial of the platform team")
    assert store.unexplained.unexplained() == ()
    (again,) = store.unexplained.take_in(Look(noticed=(TRAFFIC,)))
    assert again.id != event.id
    actions = [entry.action for entry in reversed(store.audit.entries(subject=f"event/{event.id}"))]
    assert actions == ["event.noticed", "event.taken", "event.taken", "event.resolved", "event.explained"]
    assert store.audit.verify().whole
    with pytest.raises(NotFound):
        store.unexplained.take("nothing", LEAD, "there is no such event")


def test_what_was_not_looked_for_is_not_resolved(store):
    store.unexplained.take_in(Look(noticed=(TRAFFIC,)))
    store.unexplained.take_in(
        Look(checked=frozenset({(EventKind.SERVED, PLACE), (EventKind.TRAFFIC, "endpoint/other")}))
    )
    assert store.unexplained.unexplained()[0].resolved_at is None
    store.unexplained.take_in(Look(checked=frozenset({(EventKind.TRAFFIC, "endpoint/*")})))
    assert store.unexplained.unexplained()[0].resolved_at is not None


def test_the_newest_proof_stands(store, clock):
    old = Proof(endpoint="e", at=clock(), state=ProofState.PROVEN, reason="r")
    clock.pass_(20)
    new = Proof(endpoint="e", at=clock(), state=ProofState.MISMATCH, reason="r")
    store.proofs.keep(new)
    store.proofs.keep(old)
    assert store.proofs.of("e") == new
    assert store.proofs.of("other") is None


def test_a_mark_is_what_was_set_last(store):
    assert store.marks.value("m") == ""
    for value in ("1", "2"):
        store.marks.set("m", value)
    assert store.marks.value("m") == "2"
