"""Clicks, wishes, deaths, outages, strangers and time in any order: the promises of a promotion hold."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from backend.domain.endpoints import ProvisioningState
from backend.domain.gates import FindingState
from backend.domain.ledger_chain import ChainWalk, entry_hash
from backend.domain.promotions import Kind, Phase
from backend.errors import Conflict, Invalid, NotFound, PolicyDenied, RemoteUnavailable
from backend.operations.models import WhenServing
from backend.policy.approval import standing_approval
from backend.policy.findings import gate_findings
from backend.promotion.gate_watch import GateWatch
from backend.promotion.retirement import retire_due
from tests.databases import FILES
from tests.recovery.cloud import GATES, PRODUCTION, TEST
from tests.recovery.crashes import Boundaries, PowerCut
from tests.recovery.hospital import DEPUTY, LEAD, LEASE, PROJECT, WHY, Hospital
from tests.recovery.stories import GONE

pytestmark = pytest.mark.recovery

VERSIONS = ("1", "2", "3", "4")
LAST_STEPS = 2
"""A stranger's change during the last steps of a plan comes after the last comparison, so the end may differ."""


class Ward(RuleBasedStateMachine):
    """One endpoint in production, over the real engine, operations and database."""

    def __init__(self, databases):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="mlops-ward-")
        self.hospital = Hospital.after(Path(self.folder.name), "1", staged="2", databases=databases)
        self.boundaries = Boundaries(self.hospital)
        self.keys = 0
        self.clicks = []
        self.cleared = set(self.place.traffic)
        self.ended = {p.id for p in self.hospital.promotions.recent() if p.phase.final}
        self.strange: set[str] = set()
        self.untouched = True
        self.walk = ChainWalk()
        self.told: dict[str, tuple[str, int]] = {}

    @property
    def place(self):
        return self.hospital.cloud.places[PRODUCTION]

    def key(self, name):
        self.keys += 1
        return f"{name}-{self.keys}"

    def known(self, version):
        return self.hospital.cloud.registered.get(version)

    # Time, and what ends it.

    def live(self, ticks):
        hospital = self.hospital
        for _ in range(ticks):
            with self.boundaries.counting():
                busy = hospital.engine.tick()
            hospital.cloud.check()
            self.look_at_ends()
            if not busy:
                with self.boundaries.counting():
                    hospital.watch.look(tuple(hospital.cloud.registered.values()))
                    retire_due(hospital.store, hospital.cloud.reach().endpoints)
                hospital.clock.pass_(1.0)

    @rule(ticks=st.integers(5, 40))
    def tick(self, ticks):
        self.live(ticks)

    @rule(seconds=st.sampled_from([3.0, 130.0, 700.0]))
    def wait(self, seconds):
        self.hospital.clock.pass_(seconds)

    @rule(boundaries=st.integers(1, 40))
    def crash(self, boundaries):
        self.boundaries.cut_at = self.boundaries.crossed + boundaries
        with suppress(PowerCut):
            self.live(30)
        self.boundaries.cut_at = None
        self.hospital.engine = self.hospital.new_worker()
        self.hospital.clock.pass_(LEASE + 1)
        self.look_at_ends()

    @rule(answers=st.sampled_from([2, 7, 25]))
    def outage(self, answers):
        self.hospital.cloud.troubles = [GONE] * answers

    # What people do.

    @initialize(ticks=st.integers(0, 60))
    def a_promotion_is_on_its_way(self, ticks):
        self.click("2", LEAD)
        assert self.clicks
        self.live(ticks)

    @rule(version=st.sampled_from(VERSIONS), by=st.sampled_from([LEAD, DEPUTY]))
    def approve_and_promote(self, version, by):
        self.click(version, by)

    def click(self, version, by):
        found = self.known(version)
        if found is not None:
            stable, told = self.hospital.promotions.stable(), self.hospital.advisory(found, by)
            click = (by, found, stable, WHY, self.key("asked"), told)
            self.submit(self.hospital.promotions.approve_and_promote, click)

    @rule(version=st.sampled_from(VERSIONS))
    def promote_what_was_approved(self, version):
        found = self.known(version)
        if found is not None:
            click = (LEAD, found, self.hospital.promotions.stable(), WHY, self.key("asked"))
            self.submit(self.hospital.promotions.promote, click)

    def submit(self, verb, click):
        """A click that is accepted was one on a version that may serve, judged by its records and not by the verb."""
        with suppress(PolicyDenied, Conflict):
            promotion = verb(*click)
            self.clicks.append((verb, click, promotion.id))
            dossier = self.hospital.models.dossier(click[1])
            champion = self.hospital.store.promotions.stable(PRODUCTION).target
            approval = standing_approval(dossier)
            assert approval is not None
            assert (approval.digest, approval.threshold) == (promotion.target.digest, promotion.target.threshold)
            assert dossier.staging is not None
            assert dossier.staging.phase is Phase.SUCCEEDED
            if champion.digest != dossier.version.digest:
                hard = [f for f in gate_findings(dossier, champion) if f.rule is not None and f.rule.hard]
                assert {f.state for f in hard} == {FindingState.PASS}
            self.cleared.add(promotion.target.deployment)

    @precondition(lambda self: self.clicks)
    @rule(data=st.data())
    def the_same_click_again(self, data):
        verb, click, made = data.draw(st.sampled_from(self.clicks))
        before = len(self.hospital.store.promotions.latest_on(PRODUCTION, 1_000))
        with suppress(Conflict, PolicyDenied):
            assert verb(*click).id == made
        assert len(self.hospital.store.promotions.latest_on(PRODUCTION, 1_000)) == before

    @rule(version=st.sampled_from(VERSIONS))
    def approve(self, version):
        found = self.known(version)
        if found is not None:
            with suppress(PolicyDenied):
                told = self.hospital.advisory(found)
                self.hospital.models.approve(LEAD, found, WHY, self.key("approval"), told)

    @rule(version=st.sampled_from(VERSIONS[1:]), serving=st.sampled_from(WhenServing))
    def reject(self, version, serving):
        found = self.known(version)
        if found is not None:
            with suppress(NotFound, Conflict, PolicyDenied):
                self.hospital.models.reject(DEPUTY, found, "the split changed unsaid", self.key("no"), serving)

    @precondition(lambda self: self.hospital.promotions.active(PRODUCTION) is not None)
    @rule(verb=st.sampled_from(["pause", "resume", "resume", "abort"]))
    def wish(self, verb):
        active = self.hospital.promotions.active(PRODUCTION)
        with suppress(Invalid):
            getattr(self.hospital.steering, verb)(LEAD, active.id, WHY)

    @rule()
    def roll_back(self):
        with suppress(NotFound, Conflict, PolicyDenied):
            self.hospital.promotions.roll_back(LEAD, self.hospital.promotions.stable(), WHY, self.key("back"))

    @rule()
    def release_hold(self):
        with suppress(NotFound):
            self.hospital.steering.release_hold(LEAD, "looked into it, go on")
        for event in self.hospital.store.unexplained.unexplained():
            self.hospital.store.unexplained.explain(event.id, LEAD, "looked into it, go on")

    @rule(version=st.sampled_from(VERSIONS), threshold=st.sampled_from([0.4, 0.5]))
    def stage(self, version, threshold):
        found = self.known(version)
        if found is not None:
            with suppress(Conflict):
                self.hospital.promotions.stage(LEAD, found, WHY, self.key("test"), threshold=threshold)

    # What comes from outside.

    @precondition(lambda self: len(self.hospital.cloud.registered) < len(VERSIONS))
    @rule(gain=st.sampled_from([0.1, 0.1, -0.1]))
    def register(self, gain):
        self.hospital.cloud.gain = gain
        self.hospital.cloud.register(VERSIONS[len(self.hospital.cloud.registered)])

    @rule(version=st.sampled_from(VERSIONS), rate=st.sampled_from([0.0, 0.0, 0.6]))
    def behave(self, version, rate):
        self.hospital.cloud.error_rates[version] = rate

    @rule(comment=st.sampled_from([b"", b"\n# read again\n"]))
    def gate_file(self, comment):
        self.hospital.cloud.gates = GATES + comment
        with suppress(RemoteUnavailable):
            GateWatch(self.hospital.store, self.hospital.cloud.reach().contents, PROJECT).look()

    @precondition(lambda self: self.place.until is None)
    @rule(data=st.data(), weight=st.sampled_from([100, 70]))
    def a_stranger_changes_the_traffic(self, data, weight):
        able = sorted(n for n, m in self.place.machines.items() if m.state is ProvisioningState.SUCCEEDED)
        if len(able) < 2:
            weight = 100
        if able:
            first = data.draw(st.sampled_from(able))
            other = next((name for name in able if name != first), first)
            self.place.traffic = {first: 100} if weight == 100 else {first: weight, other: 100 - weight}
            self.untouched = False
            active = self.hospital.promotions.active(PRODUCTION)
            if active is not None and active.position >= len(active.steps) - LAST_STEPS:
                self.strange.add(active.id)

    # What must hold.

    def look_at_ends(self):
        for promotion in self.hospital.store.promotions.latest_on(PRODUCTION, 1_000):
            if not promotion.phase.final or promotion.id in self.ended:
                continue
            self.ended.add(promotion.id)
            if promotion.phase is Phase.ROLLED_BACK and promotion.kind is Kind.PROMOTE:
                assert self.hospital.steering.hold() is not None
            if promotion.id in self.strange or promotion.snapshot is None:
                continue
            if promotion.phase is Phase.SUCCEEDED:
                assert self.place.traffic == {promotion.target.deployment: 100}
                assert set(promotion.snapshot.traffic) <= set(self.place.machines)
                self.untouched = True
            else:
                live = {name: weight for name, weight in self.place.traffic.items() if weight}
                assert live == promotion.snapshot.traffic

    @invariant()
    def the_cloud_is_sound(self):
        self.hospital.cloud.check()

    @invariant()
    def nothing_uncleared_has_weight(self):
        weighed = {name for name, weight in self.place.traffic.items() if weight}
        assert weighed <= self.cleared

    @invariant()
    def at_most_one_is_active(self):
        for endpoint in (PRODUCTION, TEST):
            on_it = self.hospital.store.promotions.latest_on(endpoint, 1_000)
            assert sum(not promotion.phase.final for promotion in on_it) <= 1

    @invariant()
    def an_idle_endpoint_serves_what_the_ledger_says(self):
        if self.untouched and self.hospital.promotions.active(PRODUCTION) is None:
            assert self.place.traffic == {self.hospital.promotions.stable(): 100}

    @invariant()
    def the_ledger_told_each_change_once(self):
        """Each row follows from the one before; replayed, they give every phase and position there is."""
        newest = self.hospital.store.audit.entries(limit=300 if self.walk.entries else 5000)
        for entry in reversed([e for e in newest if e.sequence > self.walk.entries]):
            assert not self.walk.take(entry.sequence, entry.previous, entry.hash, entry_hash(entry))
            assert entry.actor
            kind, _, promotion = entry.subject.partition("/")
            if kind == "promotion":
                phase, position = self.told.get(promotion, ("", 0))
                assert entry.before == phase
                reached = int(entry.detail["position"])
                assert reached in {position, position + 1} or entry.after == Phase.ROLLING_BACK.value
                self.told[promotion] = (entry.after, reached)
        found = {p.id: (p.phase.value, p.position) for p in self.hospital.store.promotions.recent(200)}
        assert found == self.told

    def teardown(self):
        report = self.hospital.store.audit.verify()
        self.hospital.close()
        self.folder.cleanup()
        assert report.whole, report.problem


def live(databases, **how):
    run_state_machine_as_test(lambda: Ward(databases), settings=settings(deadline=None, **how))


def test_a_ward_in_some_orders_of_events():
    live(FILES, max_examples=12, stateful_step_count=20, derandomize=True)


@pytest.mark.timeout(1800)
def test_a_ward_in_any_order_of_events(databases):
    live(databases, max_examples=50 if databases is FILES else 25, stateful_step_count=40)


def test_a_promise_that_is_broken_is_noticed(tmp_path):
    """The machine itself: a version that nobody cleared gets weight, and its invariant says so."""
    ward = Ward(FILES)
    ward.cleared.clear()
    with pytest.raises(AssertionError):
        ward.nothing_uncleared_has_weight()
    ward.told["nobody"] = ("pending", 0)
    with pytest.raises(AssertionError):
        ward.the_ledger_told_each_change_once()
    ward.teardown()
