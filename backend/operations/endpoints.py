"""What serves now, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.domain.endpoints import Endpoint, Served
from backend.domain.people import Actor, Right
from backend.errors import Invalid
from backend.gateways.azureml.endpoints import Endpoints as Gateway
from backend.operations.authorise import require

EXAMPLE = {
    "Pregnancies": 9,
    "PlasmaGlucose": 104,
    "DiastolicBloodPressure": 51,
    "TricepsThickness": 7,
    "SerumInsulin": 24,
    "BMI": 27.4,
    "DiabetesPedigree": 1.35,
    "Age": 43,
}
"""One invented patient, for "does it answer"."""

MOST_ROWS = 1000


class Endpoints:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def show(self, name: str) -> Endpoint | None:
        """The endpoint with its deployments, read from Azure ML; None before setup has made it."""
        return self._gateway.get(name)

    def example_row(self) -> dict[str, float]:
        return dict(EXAMPLE)

    def score(self, actor: Actor, name: str, rows: Sequence[Mapping[str, float]], deployment: str = "") -> Served:
        """Score rows as a probe, which telemetry leaves out; an empty deployment follows the traffic split.

        Raises RemoteRejected with the model's own message, which names the field.
        """
        require(actor, Right.READ)
        if not 1 <= len(rows) <= MOST_ROWS:
            raise Invalid(f"{len(rows)} rows: send between 1 and {MOST_ROWS:,} at a time.")
        return self._gateway.score(name, rows, deployment)
