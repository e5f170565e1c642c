"""The way back and the way on, when somebody else has been at the endpoint meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Phase, StepKind
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import LEAD, Hospital


@pytest.fixture
def ready(tmp_path):
    """v1 serves, v2 has been tested and clicked."""
    made = Hospital.after(tmp_path, "1", staged="2")
    made.click("2", "click")
    yield made
    report = made.store.audit.verify()
    made.close()
    assert report.whole, report.problem


def until(hospital, kind, weight=None):
    """Work until the promotion stands at this step; its endpoint and its two deployments."""
    for _ in range(500):
        promotion = hospital.store.promotions.get("click")
        if (promotion.current.step.kind, promotion.current.step.weight) == (kind, weight):
            return hospital.cloud.places[PRODUCTION], promotion.snapshot.stable, promotion.target.deployment
        hospital.tick()
    raise AssertionError(promotion.reason)


def test_a_candidate_with_traffic_is_not_removed(ready):
    until(ready, StepKind.OBSERVE, 10)
    ready.steering.abort(LEAD, "click", "complaints from the ward")
    place, stable, candidate = until(ready, StepKind.REMOVE_CANDIDATE)
    place.traffic = {stable: 50, candidate: 50}
    ready.run("click")
    ended = ready.store.promotions.get("click")
    assert (ended.phase, candidate in place.machines) == (Phase.NEEDS_ATTENTION, True)
    assert ended.reason == f"{candidate} still has 50 % of the traffic, so it is not removed."


def test_there_is_no_way_back_to_what_is_being_removed(ready):
    until(ready, StepKind.OBSERVE, 50)
    ready.steering.abort(LEAD, "click", "complaints from the ward")
    place, stable, candidate = until(ready, StepKind.RESTORE_TRAFFIC)
    place.traffic = {candidate: 100}
    going = place.machines[stable]
    going.state, going.until = ProvisioningState.DELETING, ready.clock() + timedelta(hours=1)
    ready.run("click")
    ended = ready.store.promotions.get("click")
    assert (ended.phase, ready.traffic) == (Phase.NEEDS_ATTENTION, {candidate: 100})
    assert ended.reason == f"{stable} is deleting, so the traffic cannot return to it."


def test_traffic_changed_before_a_shift_is_not_overwritten(ready):
    place, stable, candidate = until(ready, StepKind.SHIFT_TRAFFIC, 50)
    place.traffic = {stable: 95, candidate: 5}
    ready.run("click")
    ended = ready.store.promotions.get("click")
    assert ended.phase is Phase.ROLLED_BACK
    assert f"expected {stable} 90 %, {candidate} 10 %, found {stable} 95 %, {candidate} 5 %" in ended.reason
    assert ready.traffic == {stable: 100}
    assert f"traffic {stable}=50,{candidate}=50" not in ready.cloud.effects
