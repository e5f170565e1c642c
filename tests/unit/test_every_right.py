"""Every operation by every role, against the real records: who may, who may not, and that a refusal leaves no trace."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.bootstrap import Backend
from backend.domain.key_rotation import Which
from backend.domain.people import RIGHTS, Actor, Right, Role
from backend.domain.promotions import IntentKind
from backend.domain.run_remarks import RemarkKind
from backend.domain.run_requests import RequestKind, Startable
from backend.domain.setup import Change, PlannedResource
from backend.errors import BackendError, NotPermitted
from backend.gateways.azureml.run_index import shared
from backend.gateways.github.actions import Actions
from backend.gateways.github.board import Board
from backend.gateways.github.client import GitHubReader
from backend.gateways.github.contents import Contents
from backend.gateways.github.pulls import Pulls
from backend.operations.adopting import Adopting
from backend.operations.alerts import Alerts
from backend.operations.authorise import refusal
from backend.operations.behaviour import ModelBehaviour
from backend.operations.contracts import Contracts
from backend.operations.council import rules_of
from backend.operations.drills import Drills
from backend.operations.endpoints import Endpoints
from backend.operations.events import Events
from backend.operations.inbox import Inbox
from backend.operations.keyring import Keyring
from backend.operations.labels import Labels
from backend.operations.reviews import Reviews
from backend.operations.run_remarks import RunRemarks
from backend.operations.run_requests import RunRequests
from backend.operations.runs import Runs
from backend.operations.setup import Setup
from tests.recovery.hospital import PROJECT, WHY

NOWHERE = GitHubReader("https://localhost:9/api/v3", "hospital/diabetes", SecretStr("nothing here reaches a network"))
NO_GATEWAYS: tuple[typing.Any, typing.Any] = (None, None)
NO_TRUST = typing.cast("typing.Any", None)
MISSING = PlannedResource(kind="diagnostic setting", name="logs", where="diabetes-test", change=Change.CREATE)
TOO_LONG = typing.cast("typing.Any", {"x" * 2_000_000: 1})
NO_CACHE = Path("/nonexistent/cache")
STARTABLE = Startable(branch="main", commit="a" * 40, values={}, schema_text='{"properties": {}}')
SEEN = "the deployment that was looked at"


@dataclass(frozen=True)
class World:
    """The operations over one hospital: v1 serves, v2 waits for a decision."""

    hospital: typing.Any

    @property
    def two(self):
        return self.hospital.version("2")

    def reviews(self) -> Reviews:
        known = self.hospital
        return Reviews(Pulls(NOWHERE), Board(NOWHERE), Actions(NOWHERE), known.store, known.clock, rules_of(PROJECT))

    def runs(self) -> Runs:
        return Runs({}, self.hospital.store, shared(NO_CACHE), clock=self.hospital.clock)

    def run_requests(self) -> RunRequests:
        nothing = Contents(NOWHERE)
        return RunRequests(self.hospital.store, PROJECT, self.runs(), nothing, self.hospital.clock)

    def run_remarks(self) -> RunRemarks:
        return RunRemarks(self.hospital.store, self.hospital.clock)

    def events(self) -> Events:
        return Events(self.hospital.store, PROJECT)

    def alerts(self) -> Alerts:
        return Alerts(self.hospital.store, self.hospital.clock)

    def setup(self) -> Setup:
        return Setup(self.hospital.store, tuple)

    def drills(self) -> Drills:
        return Drills(self.hospital.store)

    def inbox(self) -> Inbox:
        return Inbox(self.hospital.store, {}, "http://127.0.0.1:8501", NO_TRUST, self.hospital.clock)

    def behaviour(self) -> ModelBehaviour:
        return ModelBehaviour(self.hospital.store, PROJECT, self.hospital.clock)

    def labels(self) -> Labels:
        return Labels(self.hospital.store, PROJECT, self.hospital.clock)

    def keyring(self) -> Keyring:
        return Keyring(self.hospital.store, PROJECT, *NO_GATEWAYS, self.hospital.clock)

    def review(self, actor: Actor, kind: IntentKind) -> object:
        return self.reviews().record(actor, kind, 7, "a" * 40, "somebody", WHY, f"{kind}-{actor.name}")


Try = Callable[[World, Actor], object]

OPERATIONS: dict[str, tuple[Right, Try]] = {
    "Approvers.delegate": (
        Right.APPROVE,
        lambda w, a: w.hospital.approvers.delegate(a, "dave", w.hospital.clock() + timedelta(days=1), WHY, a.name),
    ),
    "Models.approve": (
        Right.APPROVE,
        lambda w, a: w.hospital.models.approve(a, w.two, WHY, a.name, w.hospital.advisory(w.two)),
    ),
    "Models.reject": (Right.APPROVE, lambda w, a: w.hospital.models.reject(a, w.two, WHY, a.name)),
    "Models.request_changes": (Right.APPROVE, lambda w, a: w.hospital.models.request_changes(a, w.two, WHY, a.name)),
    "Overrides.ask": (
        Right.APPROVE,
        lambda w, a: w.hospital.overrides.ask(a, w.two, ("calibration",), WHY, 1, a.name),
    ),
    "Overrides.confirm": (Right.APPROVE, lambda w, a: w.hospital.overrides.confirm(a, w.two, "none", WHY)),
    "Overrides.end": (Right.APPROVE, lambda w, a: w.hospital.overrides.end(a, "none", WHY)),
    "Promotions.approve_and_promote": (
        Right.APPROVE,  # and to promote, which the same roles hold
        lambda w, a: w.hospital.promotions.approve_and_promote(a, w.two, SEEN, WHY, a.name),
    ),
    "Promotions.promote": (Right.PROMOTE, lambda w, a: w.hospital.promotions.promote(a, w.two, SEEN, WHY, a.name)),
    "Steering.promote_now": (Right.PROMOTE_NOW, lambda w, a: w.hospital.steering.promote_now(a, "none", WHY)),
    "Promotions.stage": (Right.APPROVE, lambda w, a: w.hospital.promotions.stage(a, w.two, WHY, a.name)),
    "Promotions.roll_back": (Right.CONTROL, lambda w, a: w.hospital.promotions.roll_back(a, SEEN, WHY, a.name)),
    "Steering.pause": (Right.CONTROL, lambda w, a: w.hospital.steering.pause(a, "none", WHY)),
    "Steering.resume": (Right.CONTROL, lambda w, a: w.hospital.steering.resume(a, "none", WHY)),
    "Steering.abort": (Right.CONTROL, lambda w, a: w.hospital.steering.abort(a, "none", WHY)),
    "Steering.set_hold": (Right.CONTROL, lambda w, a: w.hospital.steering.set_hold(a, WHY)),
    "Steering.release_hold": (Right.PROMOTE, lambda w, a: w.hospital.steering.release_hold(a, WHY)),
    "Quarantines.quarantine": (Right.CONTROL, lambda w, a: w.hospital.quarantines.quarantine(a, w.two, WHY)),
    "Quarantines.retire": (Right.APPROVE, lambda w, a: w.hospital.quarantines.retire(a, w.two, WHY)),
    "Quarantines.release": (Right.APPROVE, lambda w, a: w.hospital.quarantines.release(a, w.two, WHY)),
    "Reviews.record": (Right.REVIEW, lambda w, a: w.review(a, IntentKind.MERGE)),
    "Runs.cancel": (Right.MANAGE_RUNS, lambda w, a: w.runs().cancel(a, "none", "run", WHY)),
    "RunRequests.start": (
        Right.MANAGE_RUNS,
        lambda w, a: w.run_requests().start(a, STARTABLE, {}, WHY, f"start-{a.name}"),
    ),
    "RunRequests.again": (
        Right.MANAGE_RUNS,
        lambda w, a: w.run_requests().again(a, RequestKind.RETRY, "none", "run", WHY, a.name),
    ),
    "RunRemarks.add": (
        Right.MANAGE_RUNS,
        lambda w, a: w.run_remarks().add(a, RemarkKind.NOTE, "none", "run", "A note.", f"note-{a.name}"),
    ),
    "RunRemarks.add_to_each": (
        Right.MANAGE_RUNS,
        lambda w, a: w.run_remarks().add_to_each(a, RemarkKind.PIN, ["none/run"], "It is the best.", f"pin-{a.name}"),
    ),
    "RunRemarks.relabel": (
        Right.MANAGE_RUNS,
        lambda w, a: w.run_remarks().relabel(a, ["none/run"], "best", [], f"label-{a.name}"),
    ),
    "RunRemarks.end": (Right.MANAGE_RUNS, lambda w, a: w.run_remarks().end(a, "none")),
    "RunRemarks.keep_view": (Right.READ, lambda w, a: w.run_remarks().keep_view(a, "mine", "q=auc")),
    "RunRemarks.drop_view": (Right.READ, lambda w, a: w.run_remarks().drop_view(a, a.name, "none")),
    "Endpoints.score": (Right.READ, lambda _, a: Endpoints(typing.cast("typing.Any", None)).score(a, "none", [])),
    "Contracts.attempt": (
        Right.READ,
        lambda w, a: Contracts(w.hospital.store, PROJECT, NO_GATEWAYS[0], w.hospital.clock).attempt(a, TOO_LONG),
    ),
    "Keyring.announce": (Right.KEYS, lambda w, a: w.keyring().announce(a, "none", Which.PRIMARY)),
    "Keyring.read": (Right.KEYS, lambda w, a: w.keyring().read(a, "none", Which.PRIMARY)),
    "Keyring.key": (Right.KEYS, lambda w, a: w.keyring().key(a, "none", Which.PRIMARY)),
    "Keyring.rotate": (
        Right.KEYS,
        lambda w, a: w.keyring().rotate(a, "none", Which.PRIMARY, WHY, a.name, None, anyway=False),
    ),
    "Events.list": (Right.READ, lambda w, a: w.events().list(a)),
    "Events.take": (Right.CONTROL, lambda w, a: w.events().take(a, "none", WHY)),
    "Events.explain": (Right.CONTROL, lambda w, a: w.events().explain(a, "none", WHY)),
    "Alerts.list": (Right.READ, lambda w, a: w.alerts().list(a)),
    "Alerts.own": (Right.CONTROL, lambda w, a: w.alerts().own(a, "none", WHY)),
    "Alerts.ack": (Right.CONTROL, lambda w, a: w.alerts().ack(a, "none")),
    "Alerts.close": (Right.CONTROL, lambda w, a: w.alerts().close(a, "none", WHY)),
    "Alerts.silence": (Right.CONTROL, lambda w, a: w.alerts().silence(a, "drift/none", 1, WHY, a.name)),
    "Alerts.lift": (Right.CONTROL, lambda w, a: w.alerts().lift(a, "none", WHY)),
    "Setup.apply": (Right.SETUP, lambda w, a: w.setup().apply(a, lambda _: None)),
    "Setup.make": (Right.SETUP, lambda w, a: w.setup().make(a, MISSING, WHY)),
    "Setup.take": (Right.SETUP, lambda w, a: w.setup().take(a, "none", WHY)),
    "Setup.fix": (Right.SETUP, lambda w, a: w.setup().fix(a, "none", WHY)),
    "Drills.run": (Right.DRILL, lambda w, a: w.drills().run(a, a.name)),
    "Inbox.of": (Right.READ, lambda w, a: w.inbox().of(a)),
    "Inbox.read": (Right.READ, lambda w, a: w.inbox().read(a, ())),
    "Inbox.targets": (Right.READ, lambda w, a: w.inbox().targets(a)),
    "Inbox.test": (Right.SETUP, lambda w, a: w.inbox().test(a, "none")),
    "Inbox.send_again": (Right.SETUP, lambda w, a: w.inbox().send_again(a, 1, "none")),
    "ModelBehaviour.accept": (Right.MANAGE_RUNS, lambda w, a: w.behaviour().accept(a, "none", WHY)),
    "ModelBehaviour.dismiss": (Right.MANAGE_RUNS, lambda w, a: w.behaviour().dismiss(a, "none", WHY)),
    "Labels.take_in": (Right.MANAGE_RUNS, lambda w, a: w.labels().take_in(a, "none.csv", b"request_id,outcome\n")),
    "Adopting.adopt": (
        Right.PROMOTE,
        lambda w, a: Adopting(w.hospital.store, PROJECT, *NO_GATEWAYS, w.hospital.clock).adopt(a, "short"),
    ),
}
"""What each asks for, and how to ask. Where what it needs is not there, whoever may ask is told that instead."""

BY_PERSON = {
    "Approvers.revoke": "one's own delegation, or anybody's with the right to set up",
    "People.connect_github_device": "one's own GitHub account",
    "People.disconnect_github": "one's own GitHub account",
}
"""Operations that ask who somebody is, not for a right; tested where they are."""

TELLING = {
    "Alerts.refusal",
    "Approvers.cannot_delegate",
    "Approvers.cannot_revoke",
    "Drills.refusal",
    "Events.refusal",
    "Inbox.unread",
    "ModelBehaviour.refusal",
    "Keyring.refusal",
    "Overrides.cannot_confirm",
    "Promotions.decision",
    "Reviews.refusal",
    "RunRemarks.refusal",
    "RunRequests.refusal",
    "Setup.refusal",
}
"""What answers an actor and changes nothing."""

ABOUT_ONESELF = {
    "People.acting",
    "People.actor",
    "People.begin_github",
    "People.finish_github",
    "People.github_login",
    "People.signed_in",
    "People.signed_out",
    "People.store_github_token",
}
"""Signing in, and lending one's own GitHub rights: before there is an actor, or in the browser that is theirs."""

READING = {
    *("Anchoring.due", "Anchoring.compare", "Approvers.rules", "Approvers.delegations"),
    *("Alerts.standing", "Alerts.silences", "Alerts.runbook", "Objectives.standing"),
    *("Auditing.served", "Auditing.export", "Auditing.save"),
    *("Drills.get", "Drills.latest", "Drills.results", "Drills.standing"),
    *("Endpoints.show", "Endpoints.example_row"),
    *("Contracts.of", "Contracts.served", "Contracts.card", "Contracts.difference", "Contracts.document"),
    *("Contracts.document_of", "Contracts.schema_of", "Contracts.client", "Contracts.environment", "Contracts.load"),
    *("Keyring.use", "Keyring.in_the_way", "Keyring.rotations"),
    *("Contracts.json_feed", "Contracts.atom_feed", "Contracts.releases"),
    *("Events.unexplained", "Events.proof", "Events.proofs"),
    *("Judging.recorded", "Judging.replay", "Ledger.entries", "Ledger.verify"),
    *("ModelBehaviour.newest", "ModelBehaviour.history", "ModelBehaviour.signals", "ModelBehaviour.monitor_problem"),
    *("ModelBehaviour.profile", "ModelBehaviour.proposals", "ModelBehaviour.holds_back"),
    *("Models.versions", "Models.dossier", "Models.findings", "Overrides.told"),
    *("Steering.hold", "Promotions.stable", "Promotions.endings", "Promotions.active", "Promotions.get"),
    *("Promotions.recent", "Promotions.ways_back", "Promotions.worker_seen"),
    *("Releases.release", "Releases.dossier_file", "Releases.card", "Releases.compared_with", "Releases.difference"),
    *("Releases.card_file", "Releases.has_sbom", "Releases.sbom"),
    *("Reviews.pulls", "Reviews.pull", "Reviews.log", "Reviews.intents", "Reviews.intent"),
    *("Runs.refresh", "Runs.state", "Runs.find", "Runs.known", "Runs.parts", "Runs.of_pull", "Runs.cost"),
    *("Runs.repeated", "Runs.detail", "Runs.preview", "Setup.plan", "Setup.findings"),
    *("RunComparisons.curves", "RunComparisons.differences", "RunComparisons.code"),
    *("RunRemarks.of_run", "RunRemarks.marks", "RunRemarks.views", "RunRequests.startable", "RunRequests.changes"),
    *("RunRequests.parts", "RunRequests.of_run", "RunRequests.of_click", "RunRequests.recent"),
    *("Telemetry.traffic", "Telemetry.capacity", "Telemetry.console_log", "Telemetry.events", "Telemetry.marks"),
    *("Telemetry.serving", "Telemetry.azure_alerts"),
}
"""Every role reads everything; signing in is what it takes, which the pages and the command line see to."""

WORKERS = {"Anchoring.anchor", "Labels.look_into_folder"}
"""What the worker does for nobody in particular."""

GITHUBS = {"Doorbell.letter", "Doorbell.take", "Doorbell.rung"}
"""What GitHub may do, which signs with the secret that setup gave it; and how our processes hear of it."""


def offered() -> dict[str, Callable[..., object]]:
    """Every public method of what the console and the command line are given, by its name."""
    kinds = [*typing.get_type_hints(Backend).values(), Adopting]
    return {
        f"{kind.__name__}.{name}": method
        for kind in kinds
        if kind.__module__.startswith("backend.operations")
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_no_operation_is_left_out_of_these_tables():
    tables = (OPERATIONS, BY_PERSON, TELLING, ABOUT_ONESELF, READING, WORKERS, GITHUBS)
    listed = [name for table in tables for name in table]
    assert sorted(listed) == sorted(offered())


def test_whatever_takes_an_actor_is_tried_and_nothing_else_is():
    acting = {
        name for name, method in offered().items() if Actor in typing.get_type_hints(method).values()
    } - {"People.acting", "People.actor", "People.signed_in", "People.signed_out"}  # fmt: skip
    assert acting == {*OPERATIONS, *BY_PERSON, *TELLING}


def somebody(role: Role) -> Actor:
    return Actor(name=f"some_{role.value}", roles=frozenset({role}))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_by_every_role(ready, name):
    right, ask = OPERATIONS[name]
    world = World(ready)
    before = ready.store.audit.entries()
    refused = [somebody(role) for role in Role if right not in RIGHTS[role]]
    for actor in (*refused, Actor(name="nobody", roles=frozenset())):
        with pytest.raises(NotPermitted) as caught:
            ask(world, actor)
        assert str(caught.value) == refusal(actor, right) != ""
    assert ready.store.audit.entries() == before
    for actor in (somebody(role) for role in Role if right in RIGHTS[role]):
        assert refusal(actor, right) == ""
        assert "takes the role" not in outcome(world, ask, actor)


def outcome(world: World, ask: Try, actor: Actor) -> str:
    """What came of it in words; a defect is not one of them."""
    try:
        return f"done: {ask(world, actor)!r}"
    except BackendError as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("kind", IntentKind)
def test_a_wish_about_a_pull_request_by_every_role(ready, kind):
    right = Right.MANAGE_RUNS if kind is IntentKind.RERUN else Right.REVIEW
    for role in Role:
        said = outcome(World(ready), lambda w, a: w.review(a, kind), somebody(role))
        assert said.startswith("NotPermitted: ")
        assert ("takes the role" in said) == (right not in RIGHTS[role])
        assert ("Connect GitHub first" in said) == (right in RIGHTS[role])


def test_several_roles_are_all_that_each_of_them_may():
    both = Actor(name="both", roles=frozenset({Role.OPERATOR, Role.ADMINISTRATOR}))
    assert {right for right in Right if both.may(right)} == {
        Right.READ,
        Right.CONTROL,
        Right.SETUP,
        Right.DRILL,
        Right.KEYS,
    }


def test_a_delegation_is_revoked_by_whoever_made_it_or_by_who_sets_up(ready):
    world = World(ready)
    made = ready.approvers.delegate(somebody(Role.LEAD), "dave", ready.clock() + timedelta(days=1), WHY, "once")
    for role in set(Role) - {Role.LEAD, Role.ADMINISTRATOR}:
        said = outcome(world, lambda w, a: w.hospital.approvers.revoke(a, made.id, WHY), somebody(role))
        assert said.startswith("NotPermitted: some_lead made this delegation")
    assert outcome(
        world, lambda w, a: w.hospital.approvers.revoke(a, made.id, WHY), somebody(Role.ADMINISTRATOR)
    ).startswith("done")
