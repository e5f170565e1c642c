"""What somebody does to the traffic while a rollout is under way: it stops, is undone, and waits for an owner."""

from __future__ import annotations

import pytest

from backend.domain.promotions import Phase
from backend.domain.unexplained import EventKind
from backend.errors import PolicyDenied
from tests.recovery.hospital import LEAD, WHY, Hospital
from tests.recovery.test_proofs import Watched


@pytest.fixture
def world(tmp_path):
    hospital = Hospital.after(tmp_path, "1", staged="2")
    yield Watched(hospital)
    hospital.close()


@pytest.mark.parametrize("looked", [False, True], ids=["seen by the rollout alone", "seen by both"])
def test_traffic_that_somebody_sets_during_a_rollout_is_one_event_that_needs_an_owner(world, looked):
    """The rollout puts it right within seconds: it has to be told of where no look at what serves came in between."""
    hospital, old = world.hospital, world.stable
    world.cloud.stranger = "mlops-setup"
    hospital.click("2")
    while len(hospital.traffic) < 2:
        hospital.tick()
    hospital.tick()
    (new,) = set(hospital.traffic) - {old}
    world.place.traffic = {old: 20, new: 80}
    if looked:
        world.look()
        assert world.kinds() == [EventKind.TRAFFIC]
    hospital.run("click-2")
    assert hospital.store.promotions.get("click-2").phase is Phase.ROLLED_BACK
    (event,) = world.events.unexplained()
    assert (event.kind, event.owner) == (EventKind.TRAFFIC, "")
    assert (event.actual, "mlops-setup" in event.by) == (f"{new} 80 %, {old} 20 %", True)
    world.look()
    (event,) = world.events.unexplained()
    assert event.resolved_at is not None
    hospital.steering.release_hold(LEAD, WHY)
    with pytest.raises(PolicyDenied, match="Unexplained event"):
        hospital.promotions.approve_and_promote(LEAD, hospital.version("2"), world.stable, WHY, "again")
