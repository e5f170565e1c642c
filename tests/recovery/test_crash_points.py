"""A worker that dies at any boundary of any story: another one finishes it, and nothing happens twice."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from backend.domain.promotions import Phase, StepKind
from backend.promotion.retirement import retire_due
from tests.databases import FILES
from tests.recovery.cloud import PRODUCTION, TEST
from tests.recovery.crashes import FINISHED, PowerCut
from tests.recovery.hospital import LEAD, LEASE, Hospital
from tests.recovery.stories import HAPPY, STORIES, Story
from tests.recovery.tellings import CLICK, Telling

SEED = "a worker dies"
SAMPLE = random.Random(SEED).sample(STORIES, 10)
ON_A_SERVER = SAMPLE[:2]
"""The stories that the quick run plays, one boundary each; few of them on the slower database."""

SEEN_WHILE_STOPPED = 8
"""Looks of the worker before a person lets go on what was paused or needs attention."""


class Told(Telling):
    """A story, with a power cut at one boundary or without."""

    def __init__(self, folder, databases, story: Story) -> None:
        folder.mkdir()
        super().__init__(story.world(folder, databases))
        self.story = story
        self.before = self.hospital.traffic
        self.since = self.place = self.stopped = 0
        self.over: int | None = None
        self.happened = False
        story.start(self.hospital)
        self.stands = self.promotion
        self._notice()

    def look(self) -> None:
        if self.stands.phase in FINISHED:
            self._let_go_on()
        if self._tick():
            self.stands = self.promotion
        self._notice()

    def ended(self) -> bool:
        return self.stands.phase.final

    def cuts(self) -> list[int]:
        """The distinct boundaries of what is this story's own: the rest is that of the promotion that goes well."""
        found = self.boundaries.distinct(self.since)
        goes_on = self.story.at is not None and self.story.ends is Phase.SUCCEEDED
        return [n for n in found if n <= self.over + 1] if goes_on else found

    def _notice(self) -> None:
        """Whether what the story is about happens now, or is over."""
        if not self.happened and self.story.has_come(self.stands):
            self.happened = True
            self.since, self.place = self.boundaries.crossed, self.stands.position
            self.story.happens(self.hospital)
        if self.over is None and self.happened and self.stands.position > self.place:
            self.over = self.boundaries.crossed

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

    def check(self) -> None:
        hospital, story, promotion = self.hospital, self.story, self.stands
        assert promotion.phase is story.ends, promotion.reason
        assert self.happened, "the story never came to its place"
        assert not self.effects_twice(), "happened more than once"
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
    whole = Told(folder / "whole", databases, story).play()
    cuts = whole.cuts()
    assert cuts, "nothing was done that a cut could fall between"
    Told(folder / "again", databases, story).cut_at_each(chosen(cuts) if chosen else cuts, whole, folder)


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
