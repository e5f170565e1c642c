"""The endpoints of the cloud in memory: they refuse what Azure refuses, and every effect on them is seen."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from backend.domain.endpoints import Change, Deployment, Endpoint, ProvisioningState, Served
from backend.domain.key_rotation import Keys, Which
from backend.domain.promotions import Target
from backend.errors import RemoteRejected, RemoteUnavailable
from backend.gateways.azureml.scoring import Answer
from tests.recovery.cloud_state import Machine

if TYPE_CHECKING:
    from tests.recovery.cloud import Cloud


class EndpointsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def get(self, endpoint: str) -> Endpoint | None:
        self.cloud.look()
        place = self.cloud.places.get(endpoint)
        if place is None:
            return None
        return Endpoint(
            name=endpoint,
            state=ProvisioningState.UPDATING if place.until else ProvisioningState.SUCCEEDED,
            scoring_uri="https://localhost/score",
            traffic={name: weight for name, weight in place.traffic.items() if weight},
            mirror_traffic=dict(place.mirror),
            deployments=tuple(self._deployment(endpoint, machine) for machine in place.machines.values()),
        )

    def _deployment(self, endpoint: str, machine: Machine) -> Deployment:
        target = machine.target
        return Deployment(
            name=target.deployment,
            endpoint=endpoint,
            model=target.model,
            version=target.version,
            environment=target.environment,
            state=machine.state,
            instance_type="Standard_DS2_v2",
            instance_count=1,
            variables={"MLOPS_THRESHOLD": repr(target.threshold), "MLOPS_MODEL_VERSION": target.version},
            tags=machine.tags,
            problem="ModuleNotFoundError: skops" if machine.state is ProvisioningState.FAILED else "",
        )

    def create_deployment(
        self,
        target: Target,
        *,
        code: str,
        instance_type: str,
        instance_count: int,
        tags: dict[str, str],
        collect_percent: float,
    ) -> None:
        assert code == f"/codes/{target.run}"
        assert (instance_type, instance_count) == ("Standard_DS2_v2", 1)
        self.cloud.look()
        place = self.cloud.places[target.endpoint]
        assert target.deployment not in place.machines, "created what is there already"
        until = self.cloud.clock() + timedelta(seconds=4 * self.cloud.slowness)
        made = Machine(target, dict(tags), ProvisioningState.CREATING, until, collect_percent)
        self.cloud.effect(f"create {target.deployment}", lambda: place.machines.update({target.deployment: made}))

    def set_traffic(self, endpoint: str, weights: dict[str, int]) -> None:
        self.cloud.look()
        place = self.cloud.places[endpoint]
        if place.until is not None:
            raise RemoteRejected(
                "The endpoint is being updated.", service="Azure ML", operation="set traffic", status=409
            )
        if any(place.mirror.get(name) for name in weights):
            raise RemoteRejected("It is mirrored to.", service="Azure ML", operation="set traffic", status=400)
        if sum(weights.values()) not in {0, 100}:
            raise RemoteRejected("Traffic must sum to 100.", service="Azure ML", operation="set traffic", status=400)

        def change() -> None:
            place.wanted = dict(weights)
            place.until = self.cloud.clock() + timedelta(seconds=self.cloud.slowness)

        told = ",".join(f"{name}={weight}" for name, weight in sorted(weights.items()))
        self.cloud.effect(f"traffic {told}", change)

    def set_mirror(self, endpoint: str, weights: dict[str, int]) -> None:
        self.cloud.look()
        place = self.cloud.places[endpoint]
        for name, weight in weights.items():
            allowed = weight <= 50 and len(weights) == 1 and not place.traffic.get(name)
            if not allowed or place.machines[name].state is not ProvisioningState.SUCCEEDED:
                raise RemoteRejected("Not to that.", service="Azure ML", operation="set mirrored traffic", status=400)

        def change() -> None:
            place.mirror = dict(weights)
            place.mirrored.append((self.cloud.clock(), dict(weights)))

        told = ",".join(f"{name}={weight}" for name, weight in sorted(weights.items())) or "none"
        self.cloud.effect(f"mirror {told}", change)

    def delete_deployment(self, endpoint: str, deployment: str) -> None:
        self.cloud.look()
        place = self.cloud.places[endpoint]
        machine = place.machines.get(deployment)
        if machine is None:
            return
        assert not place.mirror.get(deployment), "deleted what is mirrored to"
        assert not place.traffic.get(deployment), "deleted what has traffic"
        assert not (place.wanted or {}).get(deployment), "deleted what is about to have traffic"

        def change() -> None:
            machine.state = ProvisioningState.DELETING
            machine.until = self.cloud.clock() + timedelta(seconds=self.cloud.slowness)

        self.cloud.effect(f"delete {deployment}", change)

    def score(self, endpoint: str, _rows: object, deployment: str = "", *, probe: bool = True) -> Served:
        self.cloud.look()
        assert probe
        if deployment in self.cloud.mute:
            raise RemoteUnavailable(f"{deployment} does not answer.", service="Azure ML", operation="score")
        target = self._serving(endpoint, deployment)
        return Served(
            deployment=deployment,
            model_version=target.version,
            digest="sha256:other" if target.version in self.cloud.impostors else target.digest,
            threshold=target.threshold,
            probability=0.3,
            request_id="r",
            milliseconds=5.0,
        )

    def raw_score(self, endpoint: str, body: bytes, deployment: str = "", *, probe: bool = True) -> Answer:
        assert probe
        target = self._serving(endpoint, deployment)
        field = "" if target.version in self.cloud.careless else _bad_field(body)
        if field:
            headers = {
                "ms-azureml-model-error-statuscode": "400",
                "ms-azureml-model-error-reason": f"InvalidInput: {field}",
            }
            return Answer(424, headers, b"{}")
        answer = {
            "request_id": "r",
            "model_version": target.version,
            "digest": target.digest,
            "threshold": target.threshold,
            "predictions": [self._prediction(target, row, place) for place, row in enumerate(json.loads(body)["rows"])],
        }
        return Answer(200, {"azureml-model-deployment": deployment}, json.dumps(answer).encode())

    def keys(self, endpoint: str) -> Keys:
        primary, secondary = self.cloud.places[endpoint].keys
        return Keys(primary=primary, secondary=secondary)

    def regenerate_key(self, endpoint: str, which: Which) -> None:
        def change() -> None:
            place = self.cloud.places[endpoint]
            new = f"key {len(self.cloud.effects)}"
            place.keys = (new, place.keys[1]) if which is Which.PRIMARY else (place.keys[0], new)

        self.cloud.effect(f"regenerate {which.value}", change)

    def key_prints(self, endpoint: str, salt: bytes) -> tuple[str, str]:
        self.cloud.look()
        primary, secondary = (
            hashlib.sha256(salt + key.encode()).hexdigest() for key in self.cloud.places[endpoint].keys
        )
        return primary, secondary

    def last_change(self, endpoint: str, deployment: str = "") -> Change:
        self.cloud.look()
        del endpoint, deployment
        return Change(by=self.cloud.stranger, at=self.cloud.clock())

    def key_change(self, endpoint: str, start: datetime, end: datetime) -> Change:
        """Azure's log tells of it when it has arrived there."""
        del endpoint
        told = [change for change in self.cloud.activity if change.at is not None and start < change.at <= end]
        return max(told, key=lambda change: change.at, default=Change())

    def _prediction(self, target: Target, row: dict[str, float], place: int) -> dict[str, object]:
        """A risk of the row alone, unless this version is one whose answer depends on the rows before it."""
        risk = 0.3 + (0.001 * place if target.version in self.cloud.moody else 0.0) + 0.0001 * row.get("Age", 0.0)
        risk += self.cloud.shifts.get(target.version, 0.0)
        return {"probability": risk, "decision": "positive" if risk >= target.threshold else "negative"}

    def _serving(self, endpoint: str, deployment: str) -> Target:
        machine = self.cloud.places[endpoint].machines[deployment]
        assert machine.state is ProvisioningState.SUCCEEDED
        return machine.target


def _bad_field(body: bytes) -> str:
    rows = json.loads(body)["rows"]
    if not rows:
        return "rows"
    names = [
        "Pregnancies", "PlasmaGlucose", "DiastolicBloodPressure", "TricepsThickness", "SerumInsulin", "BMI",
        "DiabetesPedigree", "Age",
    ]  # fmt: skip
    for name in (*names, *rows[0]):
        value = rows[0].get(name)
        if name not in names or not isinstance(value, int | float) or not 0 <= value < 10_000:
            return name
    return ""
