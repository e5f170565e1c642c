"""What somebody does to production with Azure's own SDK is noticed by a running worker within its period."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azureml_lab import NOISE

from backend.bootstrap import connect
from backend.settings import load
from backend.store import Store
from sandbox.demo.session import CommandFailed
from tests.conftest import MADE_WORLD_SECONDS
from tests.made_world import MadeWorld

pytestmark = [
    *(pytest.mark.filterwarnings(line) for line in NOISE),
    pytest.mark.timeout(MADE_WORLD_SECONDS),
]
PERIOD = 20.0
PATIENCE = 60.0
"""Three periods: on a busy machine a look itself takes a while."""

WHY = "an exercise that this test has made by hand"


class Stranger:
    """Somebody with the right to change production and no console: the unmodified SDK over the wire."""

    def __init__(self, world: MadeWorld, patch: pytest.MonkeyPatch) -> None:
        for name, value in world.environment("mlops-setup").items():
            patch.setenv(name, value)
        settings = load()
        self.name = settings.project.endpoint
        self.ml: Any = connect(settings).prod.ml()
        self.lead = world.lead
        self.store = Store(settings.database_url)

    def split(self, weights: dict[str, int]) -> None:
        entity = self.ml.online_endpoints.get(self.name)
        entity.traffic = weights
        self.ml.online_endpoints.begin_create_or_update(entity).result()

    def deployment(self, name: str) -> Any:
        found = self.ml.online_deployments.get(name, self.name)
        for collection in found.data_collector.collections.values():
            collection.data = None  # the SDK reads an id there, and fails when it is to write what it has read
        return found

    def events(self) -> dict[str, dict[str, Any]]:
        """Those that nobody has explained, by kind, as the command line tells them."""
        return {event["kind"]: event for event in self.lead.read("events", "list")}

    def until(self, what: str, look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError(f"{what}: not within {seconds:.0f} s; {self.events()}, {self.store.proofs.of(self.name)}")

    def noticed(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = self.until(kind, lambda: self.events().get(kind))
        return found

    def proved(self, state: str) -> None:
        def look() -> bool:
            proof = self.store.proofs.of(self.name)
            return proof is not None and proof.state.value == state

        self.until(state, look)

    def explain_everything(self) -> None:
        for event in self.lead.read("events", "list"):
            self.lead.mlops("events", "take", event["id"], "--reason", WHY)
            self.lead.mlops("events", "explain", event["id"], "--reason", WHY)


@pytest.fixture(scope="module")
def stranger(made_world: MadeWorld) -> Iterator[Stranger]:
    with pytest.MonkeyPatch.context() as patch:
        made = Stranger(made_world, patch)
        yield made
        made.store.close()


@pytest.fixture
def stable(stranger: Stranger) -> Iterator[str]:
    """The deployment that serves, proved before and after; what happened is explained."""
    stranger.proved("proven")
    assert stranger.events() == {}
    found = stranger.store.promotions.stable(stranger.name)
    assert found is not None
    yield found.target.deployment
    stranger.explain_everything()
    stranger.proved("proven")


def test_a_regenerated_key_is_noticed_and_the_service_goes_on(stranger: Stranger, stable: str):
    stranger.ml.online_endpoints.begin_regenerate_keys(stranger.name, key_type="primary").result()
    event = stranger.noticed("keys regenerated")
    assert event["actual"] == "another primary key"
    stranger.until("who did it", lambda: stranger.noticed("keys regenerated")["by"] == "mlops-setup")
    keys = stranger.ml.online_endpoints.get_keys(stranger.name)
    told = stranger.lead.mlops("audit", "list", "--json") + stranger.store.marks.value(f"keys/{stranger.name}")
    assert keys.primary_key not in told
    assert keys.secondary_key not in told
    with pytest.raises(CommandFailed, match="Unexplained event"):
        stranger.lead.mlops("promote", "1", "--reason", WHY, *stranger.lead.acknowledging("1"))


@pytest.mark.recovery
def test_a_foreign_deployment_and_its_traffic_are_noticed_with_who_did_it(stranger: Stranger, stable: str):
    theirs = copy.deepcopy(stranger.deployment(stable))
    theirs.name = "theirs"
    stranger.ml.online_deployments.begin_create_or_update(theirs).result()
    assert stranger.noticed("foreign deployment")["subject"] == f"deployment/{stranger.name}/theirs"
    assert stranger.store.proofs.of(stranger.name).state.value == "proven", "it has no traffic"
    try:
        stranger.split({stable: 90, "theirs": 10})
        event = stranger.noticed("traffic changed")
        assert (event["actual"], event["by"]) == (f"{stable} 90 %, theirs 10 %", "mlops-setup")
        assert event["happened_at"] is not None
        stranger.proved("mismatch")
        with pytest.raises(CommandFailed) as refused:
            stranger.lead.mlops("endpoint", "proof")
        assert refused.value.code == 1
    finally:
        stranger.split({stable: 100})
        stranger.ml.online_deployments.begin_delete("theirs", stranger.name).result()

    def resolved() -> bool:
        return all(event["resolved_at"] for event in stranger.events().values())

    stranger.until("as it should be again", resolved)
    assert set(stranger.events()) == {"foreign deployment", "traffic changed"}, "they still want an explanation"


@pytest.mark.recovery
def test_a_threshold_changed_in_place_is_noticed_on_record_and_in_the_answer(stranger: Stranger, stable: str):
    entity = stranger.deployment(stable)
    approved = entity.environment_variables["MLOPS_THRESHOLD"]
    try:
        entity.environment_variables["MLOPS_THRESHOLD"] = "0.9"
        stranger.ml.online_deployments.begin_create_or_update(entity).result()
        assert "threshold 0.9" in stranger.noticed("deployment altered")["actual"]
        assert stranger.noticed("another model answers")["actual"] == "threshold 0.9"
        stranger.proved("mismatch")
    finally:
        entity = stranger.deployment(stable)
        entity.environment_variables["MLOPS_THRESHOLD"] = approved
        stranger.ml.online_deployments.begin_create_or_update(entity).result()
    stranger.proved("proven")
