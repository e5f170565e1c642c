"""A worker that dies at any boundary of any story: another one finishes it, and nothing happens twice."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from backend.domain.promotions import Phase, StepKind
from backend.promotion.retirement import retire_due
from tests.databases import FILES
from tests.recovery.cloud import PRODUCTION, TEST
from tests.recovery.crashes import FINISHED, Boundaries, PowerCut
from tests.recovery.hospital import LEAD, LEASE, Hospital
from tests.recovery.stories import CLICK, HAPPY, STORIES, Story

SEED = "a worker dies"
SAMPLE = random.Random(SEED).sample(STORIES, 10)
ON_A_SERVER = SAMPLE[:2]
"""The stories that the quick run plays, one boundary each; few of them on the slower database."""

SEEN_WHILE_STOPPED = 8
"""Looks of the worker before a person lets go on what was paused or needs attention."""


class Telling:
    """One telling of a story, with a power cut at one boundary or without."""

    def __init__(self, folder, databases, story: Story, cut_at: int | None = None) -> None:
        folder.mkdir()
        self.story = story
        self.hospital = story.world(folder, databases)
        self.before = self.hospital.traffic
        self.boundaries = Boundaries(self.hospital)
        self.boundaries.cut_at = cut_at
        self.first_effect = len(self.hospital.cloud.effects)
        self.since = self.place = self.stopped = 0
        self.over: int | None = None
        story.start(self.hospital)
        self.happened = False

    def play(self) -> Telling:
        promotion = self.hospital.store.promotions.get(CLICK)
        for _ in range(3000):
            if not self.happened and self.story.has_come(promotion):
                self.happened = True
                self.since, self.place = self.boundaries.crossed, promotion.position
                self.story.happens(self.hospital)
            if self.over is None and self.happened and promotion.position > self.place:
                self.over = self.boundaries.crossed
            if promotion.phase.final:
                self._check(promotion)
                self.hospital.close()
                return self
            if promotion.phase in FINISHED:
                self._let_go_on()
            if self._tick():
                promotion = self.hospital.store.promotions.get(CLICK)
        raise AssertionError(f"did not end after a cut at {self.boundaries.where}: {promotion.reason}")

    def cuts(self) -> list[int]:
        """The distinct boundaries of what is this story's own: the rest is that of the promotion that goes well."""
        found = self.boundaries.distinct(self.since)
        goes_on = self.story.at is not None and self.story.ends is Phase.SUCCEEDED
        return [n for n in found if n <= self.over + 1] if goes_on else found

    def _let_go_on(self) -> None:
        """After a while the service is back, and the lead says so."""
        self.stopped += 1
        if self.stopped > SEEN_WHILE_STOPPED:
            self.stopped = 0
            self.hospital.cloud.troubles = []
            self.hospital.steering.resume(LEAD, CLICK, "looked into it, go on")

    def _tick(self) -> bool:
        """Whether the promotion may stand elsewhere now."""
        hospital = self.hospital
        try:
            with self.boundaries.counting():
                busy = hospital.engine.tick()
                if not busy and self.story.keeps_warm:
                    retire_due(hospital.store, hospital.cloud.reach().endpoints)
        except PowerCut:
            hospital.engine = hospital.new_worker()
            hospital.clock.pass_(LEASE + 1)
            return True
        hospital.cloud.check()
        if not busy:
            hospital.clock.pass_(1.0)
        return busy

    def _check(self, promotion) -> None:
        hospital, story = self.hospital, self.story
        assert promotion.phase is story.ends, promotion.reason
        assert self.happened, "the story never came to its place"
        repeated = {e: n for e, n in Counter(hospital.cloud.effects[self.first_effect :]).items() if n > 1}
        assert not repeated, f"happened more than once: {repeated}"
        candidate, machines = promotion.target.deployment, hospital.cloud.places[PRODUCTION].machines
        if story.ends is Phase.SUCCEEDED:
            assert hospital.traffic == {candidate: 100}
            warm = [r.deployment for r in hospital.store.retirements.open(PRODUCTION)]
            assert warm == list(self.before)
            assert set(warm) <= set(machines)
        else:
            assert hospital.traffic == self.before
            hospital.settle(3)
            assert candidate not in machines
            assert hospital.steering.hold() is not None
        report = hospital.store.audit.verify()
        assert report.whole, report.problem
        told = hospital.store.audit.entries(limit=1000, subject=f"promotion/{CLICK}")
        # A resumed promotion may go through the same state again; apart from that nothing is told twice.
        resumed = sum(entry.action == "promotion.resumed" for entry in told)
        texts = Counter((e.action, e.before, e.after, str(e.detail)) for e in told)
        assert max(texts.values()) <= 1 + resumed, "told twice"
        assert all(entry.actor for entry in told)


def cut(folder, databases, story, chosen=None):
    """Tell the story whole, and then with a cut at each of its distinct boundaries, or at the chosen ones of them."""
    whole = Telling(folder / "whole", databases, story).play()
    cuts = whole.cuts()
    assert cuts, "nothing was done that a cut could fall between"
    for cut_at in chosen(cuts) if chosen else cuts:
        told = Telling(folder / str(cut_at), databases, story, cut_at).play()
        assert told.boundaries.where, f"boundary {cut_at} was never crossed"


@pytest.mark.timeout(1200)
def test_every_fifth_boundary_of_a_promotion(tmp_path):
    cut(tmp_path, FILES, HAPPY, lambda cuts: cuts[::5])


@pytest.mark.parametrize("story", SAMPLE, ids=lambda story: story.name)
def test_a_sample_of_boundaries(tmp_path, story):
    cut(tmp_path, FILES, story, lambda cuts: random.Random(SEED + story.name).sample(cuts, 1))


@pytest.mark.parametrize("story", ON_A_SERVER, ids=lambda story: story.name)
def test_a_sample_of_boundaries_on_a_server(tmp_path, cluster, story):
    cut(tmp_path, cluster, story, lambda cuts: random.Random(SEED + story.name).sample(cuts, 1))


@pytest.mark.recovery
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_every_boundary(tmp_path, databases, story):
    cut(tmp_path, databases, story)


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


def test_the_worlds_begin_as_said(tmp_path):
    hospital = Hospital.after(tmp_path, "1", staged="2")
    assert hospital.promotions.stable().startswith("v1-")
    assert list(hospital.cloud.places[TEST].machines) == [
        hospital.models.dossier(hospital.version("2")).staging.target.deployment
    ]
    hospital.close()
