"""A worker that dies at any boundary of the replay of production's inputs: it is ended, and frozen once."""

from __future__ import annotations

import pytest

from backend.domain.promotions import Phase, StepKind
from tests.recovery.crashes import FINISHED, Boundaries, live_through
from tests.recovery.hospital import LEAD, Hospital

pytestmark = pytest.mark.recovery

AGAIN = "again"


def told_again(folder):
    """v1 serves, v2 was tested; its next test has been asked for, and its answers have moved since."""
    folder.mkdir()
    hospital = Hospital.after(folder, "1", staged="2")
    hospital.cloud.shifts["2"] = 0.25
    hospital.promotions.stage(LEAD, hospital.version("2"), "its answers are looked at once more", AGAIN)
    return hospital, Boundaries(hospital)


def of_the_replay(hospital, boundaries):
    """Numbers of the distinct boundaries that the step crosses, one tick before and after it included."""
    begin = end = 0
    while hospital.store.promotions.get(AGAIN).phase not in FINISHED:
        current = hospital.store.promotions.get(AGAIN).current
        at_replay = current is not None and current.step.kind is StepKind.REPLAY_COLLECTED
        before = boundaries.crossed
        with boundaries.counting():
            busy = hospital.engine.tick()
        if at_replay:
            begin, end = begin or before, boundaries.crossed
        if not busy:
            hospital.clock.pass_(1.0)
    return [n for n in boundaries.distinct(begin) if n <= end + 1]


def test_it_is_frozen_once_wherever_the_worker_dies(tmp_path):
    hospital, boundaries = told_again(tmp_path / "whole")
    numbers = of_the_replay(hospital, boundaries)
    hospital.close()
    assert len(numbers) >= 3
    for number in numbers:
        hospital, boundaries = told_again(tmp_path / str(number))
        boundaries.cut_at = number
        live_through(hospital, boundaries, AGAIN)
        assert boundaries.where, f"no boundary {number}"
        promotion = hospital.store.promotions.get(AGAIN)
        assert promotion.phase is Phase.SUCCEEDED, promotion.reason
        kept = [e for e in hospital.store.evidence.of_version("diabetes-classifier", "2") if e.production_flips]
        assert [e.id for e in kept].count(f"{AGAIN}-production") == 1
        assert (kept[0].production_flips.count, kept[0].production_flips.rows) == (200, 200)
        frozen = [e for e in hospital.store.audit.entries(limit=500) if e.action == "evidence.production_flips"]
        assert len(frozen) == len(kept) == 2
        assert hospital.store.audit.verify().whole
        hospital.close()
