"""A worker that dies at any boundary of any story: another one finishes it, and nothing happens twice."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from backend.domain.promotions import Phase, StepKind
from backend.errors import Conflict, Invalid, NotFound, PolicyDenied, RemoteUnavailable
from tests.databases import FILES
from tests.recovery.cloud import PRODUCTION, TEST
from tests.recovery.crashes import Boundaries, PowerCut, live_through
from tests.recovery.hospital import LEAD, LEASE, WHY, Hospital

SAMPLE = {"sqlite": 41, "postgresql": 97}
"""The quick run takes every 41st boundary, or 97th of the slower database; the long one crosses all of them."""


@dataclass(frozen=True)
class Story:
    """What happens in a world where v1 serves and v2 was tested (or, `back`, v2 serves and v1 is warm)."""

    name: str
    ends: Phase
    back: bool = False
    errors: float = 0.0
    abort_at: int | None = None
    broken: bool = False
    flaky: bool = False


STORIES = (
    Story("promotion", Phase.SUCCEEDED),
    Story("rollback", Phase.SUCCEEDED, back=True),
    Story("errors at 10 %", Phase.ROLLED_BACK, errors=0.5),
    Story("a deployment that does not start", Phase.ROLLED_BACK, broken=True),
    Story("abort at 50 %", Phase.ROLLED_BACK, abort_at=50),
    Story("an unreliable cloud", Phase.SUCCEEDED, flaky=True),
)


def play(folder, databases, story: Story, cut_at: int | None) -> tuple[int, str]:
    """Live through the story with a power cut at one boundary; how many there were, and where it was."""
    folder.mkdir()
    served, staged = (("1", "2"), "") if story.back else (("1",), "2")
    hospital = Hospital.after(folder, *served, staged=staged, databases=databases)
    cloud = hospital.cloud
    before = hospital.traffic
    boundaries = Boundaries(hospital)
    boundaries.cut_at = cut_at
    first_effect = len(cloud.effects)
    if story.errors:
        cloud.error_rates["2"] = story.errors
    if story.broken:
        cloud.broken.add("2")
    if story.flaky:
        gone = RemoteUnavailable("no answer", service="Azure ML", operation="look")
        cloud.troubles = [gone] * 3
    if story.back:
        hospital.promotions.roll_back(LEAD, hospital.promotions.stable(), WHY, "click")
    else:
        hospital.click("2", "click")
    if story.abort_at:
        _until_observing(hospital, story.abort_at, boundaries)
        hospital.promotions.abort(LEAD, "click", "complaints from the ward")
    live_through(hospital, boundaries, "click")
    _check(hospital, story, before, cloud.effects[first_effect:])
    hospital.close()
    return boundaries.crossed, boundaries.where


def _until_observing(hospital, weight, boundaries):
    while True:
        current = hospital.store.promotions.get("click").current
        assert current is not None
        if (current.step.kind, current.step.weight) == (StepKind.OBSERVE, weight):
            return
        try:
            with boundaries.counting():
                busy = hospital.engine.tick()
        except PowerCut:
            hospital.engine = hospital.new_worker()
            hospital.clock.pass_(LEASE + 1)
            continue
        if not busy:
            hospital.clock.pass_(1.0)


def _check(hospital, story, before, effects):
    promotion = hospital.store.promotions.get("click")
    assert promotion.phase is story.ends, promotion.reason
    repeated = {effect: n for effect, n in Counter(effects).items() if n > 1}
    assert not repeated, f"happened more than once: {repeated}"
    candidate = promotion.target.deployment
    if story.ends is Phase.SUCCEEDED:
        assert hospital.traffic == {candidate: 100}
        assert len(hospital.store.retirements.open(PRODUCTION)) == 1
        assert promotion.snapshot.stable in hospital.cloud.places[PRODUCTION].machines
    else:
        assert hospital.traffic == before
        hospital.settle(3)
        assert candidate not in hospital.cloud.places[PRODUCTION].machines
    report = hospital.store.audit.verify()
    assert report.whole, report.problem
    told = hospital.store.audit.entries(limit=1000, subject="promotion/click")
    assert len({(e.action, e.before, e.after, str(e.detail)) for e in told}) == len(told), "told twice"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_sample_of_boundaries(tmp_path, databases, story):
    boundaries, _ = play(tmp_path / "whole", databases, story, None)
    assert boundaries > 40
    stride = SAMPLE[databases.name]
    for cut_at in range(1 + len(story.name) % stride, boundaries + 1, stride):
        _, where = play(tmp_path / str(cut_at), databases, story, cut_at)
        assert where, f"boundary {cut_at} was never crossed"


@pytest.mark.recovery
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_every_boundary(tmp_path, databases, story):
    boundaries, _ = play(tmp_path / "whole", databases, story, None)
    for cut_at in range(1, boundaries + 1):
        _, where = play(tmp_path / str(cut_at), databases, story, cut_at)
        assert where, f"boundary {cut_at} was never crossed"


def test_a_frozen_worker_that_thaws_can_commit_nothing(tmp_path, databases):
    """Between its look and its act it loses the lease: the fence refuses the commit and the check the write."""
    hospital = Hospital.after(tmp_path, "1", staged="2", databases=databases)
    hospital.click("2", "click")
    frozen, fresh = hospital.engine, hospital.new_worker()
    looks = []

    def freeze(where):
        """The clock runs past the lease while the first worker holds its breath; the second takes over."""
        if where.startswith("before create") and not looks:
            looks.append(where)
            hospital.clock.pass_(LEASE + 1)
            hospital.engine = fresh
            assert fresh.tick()

    hospital.cloud.crossings = freeze
    while not looks:
        if not frozen.tick():
            hospital.clock.pass_(1.0)
    hospital.run("click")
    promotion = hospital.store.promotions.get("click")
    assert promotion.phase is Phase.SUCCEEDED
    assert hospital.store.audit.verify().whole
    hospital.close()


def test_a_worker_without_its_lease_writes_nothing(tmp_path, databases):
    hospital = Hospital.after(tmp_path, "1", staged="2", databases=databases)
    hospital.click("2", "click")
    while hospital.store.promotions.get("click").current.step.kind is not StepKind.SHIFT_TRAFFIC:
        hospital.tick()
    late, effects = hospital.cloud.places[PRODUCTION], len(hospital.cloud.effects)
    look, looked = hospital.cloud.look, []

    def slow_look():
        look()
        if not looked:
            looked.append(True)
            hospital.clock.pass_(LEASE + 1)
            assert hospital.store.promotions.claim("other", LEASE) is not None

    hospital.cloud.look = slow_look
    hospital.engine.tick()
    assert looked
    assert len(hospital.cloud.effects) == effects
    assert late.until is None
    assert hospital.store.promotions.get("click").fence > 1
    hospital.close()


class Ward(RuleBasedStateMachine):
    """Clicks, wishes, deaths of workers, bad models and time in any order, over the real engine and database."""

    def __init__(self, databases):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="mlops-ward-")
        self.hospital = Hospital.after(Path(self.folder.name), "1", staged="2", databases=databases)
        self.boundaries = Boundaries(self.hospital)
        self.clicks = 0

    @rule(ticks=st.integers(1, 25))
    def work(self, ticks):
        for _ in range(ticks):
            with self.boundaries.counting():
                busy = self.hospital.engine.tick()
            self.hospital.cloud.check()
            if not busy:
                self.hospital.clock.pass_(1.0)

    @rule(boundaries=st.integers(1, 30))
    def die(self, boundaries):
        self.boundaries.cut_at = self.boundaries.crossed + boundaries
        try:
            for _ in range(40):
                with self.boundaries.counting():
                    busy = self.hospital.engine.tick()
                if not busy:
                    self.hospital.clock.pass_(1.0)
        except PowerCut:
            self.hospital.engine = self.hospital.new_worker()
            self.hospital.clock.pass_(LEASE + 1)
        self.boundaries.cut_at = None

    @rule(version=st.sampled_from(["1", "2"]))
    def click(self, version):
        if self.hospital.promotions.hold() is not None:
            self.hospital.promotions.release_hold(LEAD, "looked into it, go on")
        self.clicks += 1
        try:
            self.hospital.click(version, f"click-{self.clicks}")
        except (PolicyDenied, Conflict):
            self.clicks -= 1

    @rule()
    def roll_back(self):
        self.clicks += 1
        try:
            self.hospital.promotions.roll_back(LEAD, self.hospital.promotions.stable(), WHY, f"back-{self.clicks}")
        except (NotFound, Conflict):
            self.clicks -= 1

    @precondition(lambda self: self.hospital.store.promotions.active(PRODUCTION) is not None)
    @rule(verb=st.sampled_from(["pause", "resume", "abort"]))
    def wish(self, verb):
        active = self.hospital.store.promotions.active(PRODUCTION)
        with suppress(Invalid):
            getattr(self.hospital.promotions, verb)(LEAD, active.id, WHY)

    @rule(version=st.sampled_from(["1", "2"]), rate=st.sampled_from([0.0, 0.0, 0.6]))
    def behave(self, version, rate):
        self.hospital.cloud.error_rates[version] = rate

    @invariant()
    def the_cloud_is_sound(self):
        self.hospital.cloud.check()

    @invariant()
    def at_most_one_is_active(self):
        active = [p for p in self.hospital.store.promotions.on_endpoint(PRODUCTION) if not p.phase.final]
        assert len(active) <= 1

    @invariant()
    def an_idle_endpoint_serves_what_the_ledger_says(self):
        if self.hospital.store.promotions.active(PRODUCTION) is None:
            assert self.hospital.traffic == {self.hospital.promotions.stable(): 100}

    def teardown(self):
        report = self.hospital.store.audit.verify()
        self.hospital.close()
        self.folder.cleanup()
        assert report.whole, report.problem


def test_a_ward_in_any_order_of_events(databases):
    few = settings(max_examples=12 if databases is FILES else 4, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(lambda: Ward(databases), settings=few)


def test_the_worlds_begin_as_said(tmp_path):
    hospital = Hospital.after(tmp_path, "1", staged="2")
    assert hospital.promotions.stable().startswith("v1-")
    assert list(hospital.cloud.places[TEST].machines) == [
        hospital.models.dossier(hospital.version("2")).staging.target.deployment
    ]
    hospital.close()
