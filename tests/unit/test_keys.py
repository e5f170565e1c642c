"""Two keys: who is seen with which, and one of them replaced exactly once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.key_rotation import Caller, Keys, RotationState, Which, key_mark
from backend.domain.people import Actor, Role
from backend.errors import Conflict, NotFound, PolicyDenied, RemoteRejected, RemoteUnavailable
from backend.operations.keyring import Keyring
from backend.operations.proving import Proving
from backend.operations.rotating import MOST_TRIES, Rotating
from backend.policy.contract.key_use import in_the_way, key_use
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import PROJECT, Hospital

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WINDOW = (NOW - timedelta(hours=1), NOW)
KEYS = Keys(primary="first", secondary="second")
DEVELOPER = Actor(name="dev", roles=frozenset({Role.APP_DEVELOPER}), channel="cli")
WHY = "the yearly rotation of keys"


def caller(agent, requests=10, denied=0, minutes=5):
    return Caller(user_agent=agent, requests=requests, denied=denied, last=NOW - timedelta(minutes=minutes))


def seen(*callers):
    return key_use(PRODUCTION, KEYS, callers, WINDOW, NOW)


def test_a_key_is_seen_by_what_its_callers_say():
    found = seen(
        caller(f"ward/2 key/{key_mark('first')}", 7),
        caller(f"lab/1 key/{key_mark('second')}", 3, minutes=50),
        caller("python-requests/2.32", 4),
        caller("old/1 key/00000000", 5, denied=5),
        caller("mlops-console/1", 9),
    )
    primary, secondary = found.of(Which.PRIMARY), found.of(Which.SECONDARY)
    assert (primary.requests, primary.callers) == (7, ("ward/2",))
    assert (secondary.requests, secondary.last) == (3, NOW - timedelta(minutes=50))
    assert (found.unstated, found.unstated_callers) == (4, ("python-requests/2.32",))
    assert (found.denied, found.denied_callers) == (5, ("old/1",))


@pytest.mark.parametrize(
    ("use", "which", "words"),
    [
        (seen(caller(f"ward/2 key/{key_mark('first')}")), Which.SECONDARY, []),
        (
            seen(caller(f"ward/2 key/{key_mark('first')}")),
            Which.PRIMARY,
            ["10 calls in the last hour came with"],
        ),
        (seen(caller("curl/8")), Which.SECONDARY, ["10 calls do not say which key they use, from curl/8."]),
        (seen(caller("old/1 key/00000000", 5, denied=5)), Which.PRIMARY, []),
        (None, Which.PRIMARY, ["Nobody has looked yet"]),
    ],
)
def test_what_speaks_against_replacing_a_key(use, which, words):
    found = in_the_way(use, which, NOW + timedelta(minutes=1))
    assert len(found) == len(words)
    assert all(said.startswith(word) for said, word in zip(found, words, strict=True))
    assert use is None or in_the_way(use, which, NOW + timedelta(hours=1))


class Desk:
    """A hospital with a keyring and the worker's duty."""

    def __init__(self, hospital):
        self.hospital, self.store, self.place = hospital, hospital.store, hospital.cloud.places[PRODUCTION]
        self.endpoints = hospital.cloud.reach().endpoints
        self.ring = Keyring(self.store, PROJECT, self.endpoints, None, hospital.clock)
        self.rotating = Rotating(self.store, self.endpoints)

    def ask(self, key="click-1", which=Which.PRIMARY, anyway=True):
        return self.ring.rotate(DEVELOPER, PRODUCTION, which, WHY, key, None, anyway=anyway)

    def work(self, seconds=200):
        for _ in range(seconds):
            if not self.rotating.rotate_next():
                self.hospital.clock.pass_(1.0)

    @property
    def done(self):
        return self.ring.rotations(PRODUCTION)[0]

    def regenerated(self):
        return [effect for effect in self.hospital.cloud.effects if effect.startswith("regenerate")]


@pytest.fixture
def desk(tmp_path):
    hospital = Hospital.after(tmp_path, "1")
    yield Desk(hospital)
    hospital.close()


def test_a_key_is_replaced_once_and_the_ledger_tells_who_asked(desk):
    asked = desk.ask()
    assert desk.ask().id == asked.id
    desk.work()
    assert (desk.done.state, desk.regenerated()) == (RotationState.DONE, ["regenerate primary"])
    assert desk.place.keys[0] != "first"
    assert desk.place.keys[1] == "second"
    told = [e for e in desk.store.audit.entries() if e.action.startswith("key.rotation")]
    assert [(e.action, e.actor) for e in reversed(told)] == [
        ("key.rotation_asked", "dev"),
        ("key.rotation_done", "worker"),
    ]
    assert "Nobody has looked yet" in str(told[-1].detail["against"])
    assert all(key not in repr(told) for key in ("'first'", desk.place.keys[0]))


def test_our_own_replacement_is_no_unexplained_event(desk):
    proving = Proving(
        desk.store, desk.endpoints, desk.hospital.cloud.reach().models, PROJECT, desk.hospital.clock, every=20
    )
    proving.look()
    desk.ask()
    desk.rotating.rotate_next()
    desk.hospital.clock.pass_(20.0)
    proving.look()
    desk.work()
    proving.look()
    assert desk.store.unexplained.unexplained() == ()
    desk.place.keys = ("somebody else's", desk.place.keys[1])
    desk.hospital.clock.pass_(20.0)
    proving.look()
    assert [e.actual for e in desk.store.unexplained.unexplained()] == ["another primary key"]


def test_a_worker_that_dies_after_the_change_does_not_change_it_again(desk):
    desk.ask()

    def die(where):
        if where == "after regenerate primary":
            raise SystemExit

    desk.hospital.cloud.crossings = die
    with pytest.raises(SystemExit):
        desk.rotating.rotate_next()
    desk.hospital.cloud.crossings = lambda _where: None
    desk.work()
    assert (desk.done.state, desk.regenerated()) == (RotationState.DONE, ["regenerate primary"])


@pytest.mark.parametrize(
    ("trouble", "state", "words"),
    [
        (RemoteUnavailable("Azure is away.", service="Azure ML", operation="x"), "done", "another one now"),
        (RemoteRejected("It has no keys.", service="Azure ML", operation="x"), "failed", "It has no keys."),
    ],
)
def test_a_service_that_is_away_is_asked_again_and_a_refusal_ends_it(desk, trouble, state, words):
    desk.ask()
    troubles = [trouble]

    def refuse(where):
        if where == "before regenerate primary" and troubles:
            raise troubles.pop()

    desk.hospital.cloud.crossings = refuse
    desk.work()
    assert (desk.done.state.value, words in desk.done.outcome) == (state, True)


def test_it_is_given_up_where_azure_never_does_it(desk):
    desk.ask()
    desk.place.keys = ("first", "second")

    def undo(where):
        if where == "after regenerate primary":
            desk.place.keys = ("first", "second")

    desk.hospital.cloud.crossings = undo
    desk.work(400)
    assert desk.done.state is RotationState.FAILED
    assert f"Given up after {MOST_TRIES} tries" in desk.done.outcome


def test_it_is_refused_while_the_key_may_be_in_use_or_another_is_replaced(desk):
    with pytest.raises(PolicyDenied, match=r"may still be in use\. Nobody has looked yet"):
        desk.ask(anyway=False)
    desk.ask()
    with pytest.raises(Conflict, match="primary key of diabetes-endpoint is being replaced for dev"):
        desk.ask("click-2", Which.SECONDARY)
    with pytest.raises(NotFound, match="none of this project's endpoints"):
        desk.ring.key(DEVELOPER, "somewhere", Which.PRIMARY)


def test_taking_a_key_is_told_to_the_ledger_without_the_key(desk):
    assert desk.ring.key(DEVELOPER, PRODUCTION, Which.SECONDARY) == "second"
    told = desk.store.audit.entries(limit=1)[0]
    assert (told.action, told.actor, told.subject) == ("key.read", "dev", f"endpoint/{PRODUCTION}")
    assert told.detail == {"key": "secondary"}
