"""Online endpoints and deployments as ARM reports them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class ProvisioningState(StrEnum):
    CREATING = "Creating"
    UPDATING = "Updating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    DELETING = "Deleting"


class Deployment(Value):
    """`environment` is the ARM environment id, `tags` join it with our ledger; `problem` is the service's reason."""

    name: str
    endpoint: str
    model: str
    version: str
    environment: str
    state: ProvisioningState
    instance_type: str
    instance_count: int
    variables: dict[str, str]
    tags: dict[str, str]
    created_at: datetime | None = None
    problem: str = ""


class Endpoint(Value):
    """`traffic` is deployment name -> percent and sums to 100, or is empty before the first promotion."""

    name: str
    state: ProvisioningState
    scoring_uri: str
    traffic: dict[str, int]
    mirror_traffic: dict[str, int]
    deployments: tuple[Deployment, ...]

    def deployment(self, name: str) -> Deployment | None:
        return next((d for d in self.deployments if d.name == name), None)

    @property
    def stable(self) -> str | None:
        """The deployment with the most traffic, or None before the first promotion."""
        return max(self.live, key=lambda name: self.live[name]) if self.live else None

    @property
    def live(self) -> dict[str, int]:
        """The traffic without those that have none."""
        return {name: weight for name, weight in self.traffic.items() if weight > 0}


class Change(Value):
    """Who wrote a resource last, and when; "" and None where the service does not say."""

    by: str = ""
    at: datetime | None = None


class Served(Value):
    """What a deployment said of itself in one answer."""

    deployment: str
    model_version: str
    digest: str
    threshold: float
    probability: float
    request_id: str
    milliseconds: float


def deployment_name(version: str, digest: str, threshold: float, environment: str) -> str:
    """`v12-7f3a`: version plus four hex of what it is made of, so that a repeated step is the same PUT."""
    made_of = f"{digest}\n{threshold!r}\n{environment}"
    return f"v{version}-{hashlib.sha256(made_of.encode()).hexdigest()[:4]}"
