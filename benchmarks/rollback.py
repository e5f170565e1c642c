"""From the click that rolls back to the earlier version's traffic, against the bare change of traffic in ARM.

Two deployments on the production endpoint, a ledger in which both were promoted, and a worker like that of `make run`.
Each click returns to the one that served before; both sides end when ARM shows the wanted traffic and rests.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping

from backend.bootstrap import open_store
from backend.domain.clock import utc_now
from backend.domain.people import Actor, Role
from backend.domain.promotions import Kind, Outcome, Promotion, StepKind, Succeeded, Target
from backend.gateways.azureml.arm import ArmResources
from backend.gateways.azureml.endpoints import ENDPOINTS_VERSION, Endpoints
from backend.operations.promotions import Promotions
from backend.promotion import transitions
from backend.promotion.engine import told
from backend.promotion.plan import ROLLOUT_PATH, promote_plan, read_rollout, stage_plan
from backend.promotion.target import target_on
from backend.store import Store
from backend.store.audit import Note
from benchmarks.measure import Row, alternate, seconds
from benchmarks.worlds import World
from sandbox.demo.launch import CHECKOUT

ROUNDS = 5
SECONDS = 120.0
LOOK = 0.05
LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))
WHY = "Measured in a benchmark."


def run(world: World) -> list[Row]:
    first = world.served
    second = world.deploy(target_on(first.endpoint, world.register(world.train())))
    store = open_store(world.settings)
    place = _Production(world, store)
    place.set({second.deployment: 100})
    for number, (target, before) in enumerate(((first, ""), (second, first.deployment))):
        place.record(f"bench-{number}", Kind.PROMOTE, target, before)
    # Tested already: otherwise the worker would begin to test them in the middle of what is measured.
    project = world.settings.project
    place.record("bench-stage", Kind.STAGE, second.model_copy(update={"endpoint": project.test_endpoint}), "")
    world.start_worker()
    world.wait("a first proof of production", lambda: store.proofs.of(first.endpoint), SECONDS)
    ours, peer = alternate(place.roll_back, place.change_bare, ROUNDS, "s")
    store.close()
    return [
        Row("Rollback click to traffic restored, against the bare change in ARM", ours, peer, aim="peer + 3 s"),
    ]


class _Production:
    """The production endpoint as the ledger and as ARM know it."""

    def __init__(self, world: World, store: Store) -> None:
        workspace, self._world, self._store = world.parts.workspace, world, store
        self._name = world.settings.project.endpoint
        self._promotions = Promotions(store, world.settings.project, utc_now)
        self._endpoints, self._arm = Endpoints(workspace), ArmResources(workspace)
        self._id = workspace.endpoint_id(self._name)
        self._other = ""

    def roll_back(self) -> float:
        """Seconds of one click; what the worker does after the traffic has moved is waited for, not counted."""
        serves = self._promotions.stable()
        version = next(t.version for t in self._targets() if t.deployment != serves)
        started = time.perf_counter()
        begun = self._promotions.roll_back(LEAD, serves, WHY, f"bench-{uuid.uuid4().hex[:8]}", version)
        self._until({begun.target.deployment: 100})
        took = time.perf_counter() - started
        self._world.wait("the rollback to end", lambda: self._promotions.get(begun.id).phase.final, SECONDS)
        return took

    def change_bare(self) -> float:
        """Seconds of the same change by the SDK alone; it is taken back afterwards."""
        serves = self._promotions.stable()
        other = next(t.deployment for t in self._targets() if t.deployment != serves)
        took = seconds(lambda: self.set({other: 100}))
        self.set({serves: 100})
        return took

    def set(self, weights: Mapping[str, int]) -> None:
        self._endpoints.set_traffic(self._name, weights)
        self._until(weights)

    def record(self, key: str, kind: Kind, target: Target, before: str) -> None:
        """A promotion in which every step went well."""
        rollout = read_rollout((CHECKOUT / ROLLOUT_PATH).read_bytes(), target.commit)
        steps = stage_plan() if kind is Kind.STAGE else promote_plan(rollout, has_stable=bool(before))
        now = utc_now()
        wanted = transitions.begin(key, kind, target, steps, by="lead", reason=WHY, now=now, expected_stable=before)
        subject = f"promotion/{key}"
        note = Note(actor="lead", channel="benchmark", action="promotion.requested", subject=subject, reason=WHY)
        promotion = self._store.promotions.submit(wanted, note)
        while not promotion.phase.final:
            promotion = self._store.promotions.change(
                key, lambda row: transitions.advance(row, _well(row, before), utc_now()), told
            )

    def _targets(self) -> list[Target]:
        return list(self._store.promotions.targets(self._name).values())

    def _until(self, weights: Mapping[str, int]) -> None:
        def there() -> bool:
            found = (self._arm.get(self._id, ENDPOINTS_VERSION) or {}).get("properties", {})
            traffic = {name: weight for name, weight in found.get("traffic", {}).items() if weight}
            return traffic == dict(weights) and found.get("provisioningState") == "Succeeded"

        self._world.wait(f"the traffic to be {dict(weights)}", there, SECONDS, LOOK)


def _well(promotion: Promotion, before: str) -> Outcome:
    record = promotion.current
    if record is None or record.step.kind is not StepKind.SNAPSHOT:
        return Succeeded()
    return Succeeded(output={"traffic": json.dumps({before: 100} if before else {}), "stable": before})
