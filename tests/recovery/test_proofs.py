"""What serves is proved over and over, and what nobody of ours did is noticed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.endpoints import Change
from backend.domain.promotions import Phase
from backend.domain.proofs import ProofState
from backend.domain.unexplained import EventKind, EventState
from backend.errors import NotPermitted, PolicyDenied, RemoteUnavailable
from backend.operations.auditing import Auditing
from backend.operations.events import Events
from backend.operations.proving import Proving
from backend.promotion.leftovers import schedule_ends
from tests.recovery.cloud import PRODUCTION, TEST
from tests.recovery.cloud_state import Machine
from tests.recovery.hospital import LEAD, OPERATOR, PROJECT, VIEWER, WHY, Hospital

EVERY = 20.0


class Watched:
    """A hospital whose worker proves what serves, as often as its setting says."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital, self.cloud, self.store = hospital, hospital.cloud, hospital.store
        reach = self.cloud.reach()
        self.proving = Proving(
            self.store,
            reach.endpoints,
            reach.models,
            PROJECT,
            hospital.clock,
            every=EVERY,
            salt=lambda: b"a salt of this test",
        )
        self.events = Events(self.store, PROJECT)

    def look(self) -> None:
        self.hospital.clock.pass_(EVERY)
        self.proving.look()

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events.unexplained()]

    def proof(self, name: str = PRODUCTION):
        return self.store.proofs.of(name)

    @property
    def place(self):
        return self.cloud.places[PRODUCTION]

    @property
    def stable(self) -> str:
        return self.store.promotions.stable(PRODUCTION).target.deployment


@pytest.fixture
def world(tmp_path):
    hospital = Hospital.after(tmp_path, "1", staged="2")
    watched = Watched(hospital)
    yield watched
    hospital.close()


def test_what_was_promoted_is_proved_on_both_endpoints(world):
    world.look()
    proof = world.proof()
    assert (proof.state, proof.proven_at) == (ProofState.PROVEN, proof.at), proof.reason
    assert proof.expected == proof.served
    assert (proof.served[0].digest, proof.served[0].threshold) == (world.hospital.version("1").digest, 0.5)
    assert "own word" in proof.limits
    assert world.proof(TEST).state is ProofState.PROVEN, world.proof(TEST).reason
    assert world.events.unexplained() == ()


def test_a_test_deployment_with_a_dated_end_may_be_replaced_before_it(world):
    hospital = world.hospital
    hospital.promote(hospital.version("2"))
    schedule_ends(world.store, PROJECT)
    (end,) = world.store.retirements.open(TEST)
    world.look()
    hospital.staged("3")
    assert end.deployment not in hospital.cloud.places[TEST].machines
    world.look()
    assert world.events.unexplained() == ()
    assert world.store.retirements.open(TEST) == ()


def foreign(world: Watched) -> None:
    machine = world.place.machines[world.stable]
    theirs = machine.target.model_copy(update={"deployment": "theirs"})
    world.place.machines["theirs"] = Machine(theirs, {}, machine.state, machine.until)


def split(world: Watched) -> None:
    foreign(world)
    world.place.traffic = {world.stable: 40, "theirs": 60}


def retuned(world: Watched) -> None:
    machine = world.place.machines[world.stable]
    world.place.machines[world.stable] = replace(machine, target=machine.target.model_copy(update={"threshold": 0.2}))


def archived(world: Watched) -> None:
    world.cloud.archived.add("1")


def retagged(world: Watched) -> None:
    world.cloud.registered["1"] = world.cloud.registered["1"].model_copy(update={"digest": "sha256:forged"})


def other_model(world: Watched) -> None:
    world.cloud.impostors.add("1")


def key(world: Watched) -> None:
    world.place.keys = ("another", "second")


@pytest.mark.parametrize(
    ("act", "kinds", "state"),
    [
        (foreign, {EventKind.FOREIGN_DEPLOYMENT}, ProofState.PROVEN),
        (split, {EventKind.FOREIGN_DEPLOYMENT, EventKind.TRAFFIC}, ProofState.MISMATCH),
        (retuned, {EventKind.ALTERED_DEPLOYMENT, EventKind.SERVED}, ProofState.MISMATCH),
        (other_model, {EventKind.SERVED}, ProofState.MISMATCH),
        (archived, {EventKind.MODEL}, ProofState.MISMATCH),
        (retagged, {EventKind.MODEL}, ProofState.MISMATCH),
        (key, {EventKind.KEYS}, ProofState.PROVEN),
    ],
)
def test_what_somebody_else_did_is_one_event_until_it_is_explained(
    world: Watched, act: Callable[[Watched], None], kinds: set[EventKind], state: ProofState
):
    world.look()
    act(world)
    world.look()
    assert (set(world.kinds()), world.proof().state) == (kinds, state), world.proof().reason
    before = world.events.unexplained()
    world.look()
    assert [event.id for event in world.events.unexplained()] == [event.id for event in before]
    noticed = [entry for entry in world.store.audit.entries() if entry.action == "event.noticed"]
    assert len(noticed) == len(before)
    assert world.store.audit.verify().whole


def test_azure_is_quoted_with_who_and_when(world):
    world.look()
    split(world)
    world.look()
    traffic = next(event for event in world.events.unexplained() if event.kind is EventKind.TRAFFIC)
    assert (traffic.by, traffic.happened_at) == (world.cloud.stranger, world.hospital.clock())
    (row,) = world.store.audit.entries(subject=f"event/{traffic.id}")
    assert row.detail["by"] == world.cloud.stranger
    assert row.detail["actual"] == f"theirs 60 %, {world.stable} 40 %"
    assert row.detail["happened_at"] == world.hospital.clock().isoformat()


def test_the_ledger_tells_what_served_while_somebody_else_had_changed_the_traffic(world):
    world.look()
    clock, stable = world.hospital.clock, world.stable
    right, auditing = dict(world.place.traffic), Auditing(world.store, PROJECT, clock)
    clock.pass_(5)
    split(world)
    world.look()
    [answer] = auditing.served(clock().isoformat())
    assert {share.deployment: share.weight for share in answer.shares} == {"theirs": 60, stable: 40}
    assert (answer.elsewhere, answer.because.action) == (True, "event.noticed")
    assert world.cloud.stranger in answer.because.reason
    assert [share.version for share in answer.shares] == ["", "1"]
    [before] = auditing.served((clock() - timedelta(seconds=EVERY)).isoformat())
    assert before.sentence == "v1 served."
    world.place.traffic = {stable: 10, "theirs": 90}
    world.look()
    [again] = auditing.served(clock().isoformat())
    assert {share.deployment: share.weight for share in again.shares} == {"theirs": 90, stable: 10}
    world.place.traffic = right
    world.look()
    [after] = auditing.served(clock().isoformat())
    assert (after.sentence, after.because.action) == ("v1 served.", "event.resolved")
    assert after.shares[0].promoted.actor == "lead"


def test_a_test_endpoint_that_somebody_changed_says_nothing_about_production(world):
    world.look()
    clock = world.hospital.clock
    world.cloud.places[TEST].traffic = {}
    world.look()
    assert world.kinds() == [EventKind.TRAFFIC]
    [answer] = Auditing(world.store, PROJECT, clock).served(clock().isoformat())
    assert answer.sentence == "v1 served."


def test_no_key_is_kept_anywhere(world):
    world.place.keys = ("a very secret key", "another secret key")
    world.look()
    world.place.keys = ("a new secret key", "another secret key")
    world.look()
    (event,) = world.events.unexplained()
    assert event.actual == "another primary key"
    told = repr(world.store.marks.value(f"keys/{PRODUCTION}")) + repr(world.store.audit.entries()) + repr(event)
    assert "secret key" not in told


def test_who_regenerated_a_key_is_known_when_the_service_tells_it_and_nobody_else_is_named(world):
    world.look()
    clock = world.hospital.clock
    world.place.keys = ("another", "second")
    first = Change(by="dana@hospital.example", at=clock())
    world.look()
    (event,) = world.events.unexplained()
    assert event.by == ""
    world.cloud.activity.append(first)
    world.look()
    (event,) = world.events.unexplained()
    assert (event.by, event.happened_at) == (first.by, first.at)
    row = world.store.audit.entries(subject=f"event/{event.id}")[0]
    assert (row.action, row.detail["by"], row.after) == ("event.attributed", first.by, "open")
    world.place.keys = ("another", "third")
    for _ in range(4):
        world.look()
    newest = world.events.unexplained()[0]
    assert (newest.actual, newest.by) == ("another secondary key", "")
    world.hospital.clock.pass_(3600)
    world.cloud.activity.append(Change(by="late@hospital.example", at=newest.first_seen))
    world.look()
    assert world.store.unexplained.get(newest.id).by == "", "nobody asks for ever"
    assert world.store.audit.verify().whole, world.store.audit.verify().problem


def test_undone_is_resolved_and_still_wants_an_explanation(world):
    world.look()
    right = dict(world.place.traffic)
    split(world)
    world.look()
    world.place.traffic = right
    del world.place.machines["theirs"]
    world.look()
    events = world.events.unexplained()
    assert len(events) == 2
    assert all(event.resolved_at == world.hospital.clock() for event in events)
    assert world.proof().state is ProofState.PROVEN
    for event in events:
        world.events.explain(LEAD, event.id, "a colleague tried the new client by hand")
    split(world)
    world.look()
    again = world.events.unexplained()
    assert {event.kind for event in again} == {event.kind for event in events}
    assert not {event.id for event in again} & {event.id for event in events}


def test_an_outage_is_unproven_and_no_event(world):
    world.look()
    at = world.proof().at
    world.cloud.mute.add(world.stable)
    world.look()
    proof = world.proof()
    assert (proof.state, proof.proven_at) == (ProofState.UNPROVEN, at)
    assert "does not answer" in proof.reason
    world.cloud.mute.clear()
    gone = RemoteUnavailable("Azure ML does not answer.", service="Azure ML", operation="read an endpoint")
    world.cloud.troubles = [gone, gone]
    world.look()
    assert (world.proof().state, world.proof().reason) == (ProofState.UNPROVEN, str(gone))
    assert world.events.unexplained() == ()
    world.look()
    assert world.proof().state is ProofState.PROVEN


def test_what_is_wrong_stays_wrong_through_an_outage(world):
    split(world)
    world.look()
    world.cloud.mute.add(world.stable)
    world.look()
    assert world.proof().state is ProofState.MISMATCH
    assert all(event.resolved_at is None for event in world.events.unexplained())


def test_a_whole_rollout_and_what_follows_it_is_no_event(world):
    """Looked at between every two things the worker does: each weight, the warm time, the retirement."""
    hospital = world.hospital
    hospital.click("2")
    while not hospital.store.promotions.get("click-2").phase.final:
        hospital.tick()
        world.proving._prove(PRODUCTION)
        assert world.events.unexplained() == (), world.events.unexplained()
    assert hospital.store.promotions.get("click-2").phase is Phase.SUCCEEDED
    assert world.proof().served[0].version == "2"
    for _ in range(12):
        hospital.settle(60)
        world.look()
    assert list(world.place.machines) == [world.stable]
    assert world.events.unexplained() == ()


@pytest.mark.parametrize("weight", [10, 50])
def test_an_abort_is_no_event(world, weight):
    hospital = world.hospital
    hospital.click("2")
    asked = False
    while not hospital.store.promotions.get("click-2").phase.final:
        hospital.tick()
        if not asked and weight in hospital.traffic.values():
            hospital.steering.abort(LEAD, "click-2", WHY)
            asked = True
        world.proving._prove(PRODUCTION)
        assert world.events.unexplained() == (), world.events.unexplained()
    world.look()
    assert (hospital.traffic, world.proof().state) == ({world.stable: 100}, ProofState.PROVEN), world.proof().reason


def test_rolling_back_to_the_warm_one_is_no_event(world):
    hospital = world.hospital
    hospital.promote(hospital.version("2"))
    world.look()
    hospital.promotions.roll_back(LEAD, hospital.promotions.stable(), WHY, "back", to_version="1")
    while not hospital.store.promotions.get("back").phase.final:
        hospital.tick()
        world.proving._prove(PRODUCTION)
        assert world.events.unexplained() == (), world.events.unexplained()
    world.look()
    assert world.proof().served[0].version == "1"
    assert world.proof().state is ProofState.PROVEN


def test_a_warm_deployment_that_goes_before_its_time_is_noticed(world):
    hospital = world.hospital
    old = world.stable
    hospital.promote(hospital.version("2"))
    del world.place.machines[old]
    world.look()
    assert world.kinds() == [EventKind.MISSING_DEPLOYMENT]
    assert world.proof().state is ProofState.PROVEN, "what serves is not concerned"


def test_traffic_that_somebody_set_is_nothing_to_begin_from_and_stays_wrong(world):
    """A split made in the seconds before the click ends the promotion before its first effect, and is told."""
    hospital = world.hospital
    foreign(world)
    theirs = {world.stable: 60, "theirs": 40}
    world.place.traffic = dict(theirs)
    hospital.click("2")
    hospital.run("click-2")
    ended = hospital.store.promotions.get("click-2")
    assert ended.phase is Phase.FAILED
    assert "Production has moved since the click" in ended.reason
    assert hospital.traffic == theirs
    world.look()
    assert EventKind.TRAFFIC in world.kinds()
    assert world.proof().state is ProofState.MISMATCH


def test_an_open_event_blocks_the_promotion_until_somebody_explains_it(world):
    world.look()
    foreign(world)
    world.look()
    (event,) = world.events.unexplained()
    with pytest.raises(PolicyDenied, match="Unexplained event"):
        world.hospital.click("2")
    decision = world.hospital.promotions.decision(LEAD, world.hospital.version("2"), None)
    blocker = next(b for b in decision.blockers if b.what == "Unexplained event")
    assert blocker.hard
    assert (blocker.who, "theirs" in blocker.why) == ("lead or operator, by explaining it", True)
    taken = world.events.take(OPERATOR, event.id, "I ask the platform team")
    assert (taken.state, taken.owner) == (EventState.OWNED, "operator")
    with pytest.raises(PolicyDenied, match="operator looks into it"):
        world.hospital.click("2")
    world.events.explain(OPERATOR, event.id, "the platform team tried a new image")
    assert world.hospital.click("2").phase is Phase.PENDING


def test_taking_and_explaining_are_recorded_once_and_need_the_right(world):
    world.look()
    key(world)
    world.look()
    (event,) = world.events.unexplained()
    with pytest.raises(NotPermitted):
        world.events.take(VIEWER, event.id, "I only read, they say")
    with pytest.raises(NotPermitted):
        world.events.explain(VIEWER, event.id, "I only read, they say")
    assert world.events.list(VIEWER) == (event,)
    for _ in range(2):
        world.events.take(LEAD, event.id, "I ask who rotates the keys")
        assert world.events.explain(LEAD, event.id, "the yearly rotation of keys").explanation
    assert world.events.explain(OPERATOR, event.id, "something else altogether").explained_by == "lead"
    rows = world.store.audit.entries(subject=f"event/{event.id}")
    assert [row.action for row in reversed(rows)] == ["event.noticed", "event.taken", "event.explained"]
    assert world.store.audit.verify().whole
