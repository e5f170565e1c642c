"""Model versions and their lineage."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class Lineage(Value):
    """Where a version came from; each field is a tag of the registered model, "" where it is absent."""

    commit: str = ""
    pull_request: str = ""
    run: str = ""
    data_asset: str = ""
    data_digest: str = ""
    environment: str = ""
    author: str = ""
    data_profile: str = ""


class ModelVersion(Value):
    """A registered version as Azure ML holds it. `digest` is `sha256:...` as the run computed it."""

    name: str
    version: str
    digest: str
    created_at: datetime
    threshold: float
    lineage: Lineage
    metrics: dict[str, float]
    description: str = ""
    archived: bool = False


class VersionState(StrEnum):
    """What the console knows about a version beyond the registry; READY and APPROVED wait for a person."""

    REGISTERED = "registered"
    TESTING = "testing"
    READY = "ready"
    TEST_FAILED = "test failed"
    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGES_REQUESTED = "changes requested"
    QUARANTINED = "quarantined"
    PROMOTING = "being promoted"
    SERVING = "serving"
    ROLLED_BACK = "rolled back"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"

    @property
    def waits(self) -> bool:
        return self in {VersionState.READY, VersionState.APPROVED}


class Approval(Value):
    """A lead's decision on a version, bound to everything that was looked at.

    `gates` is the gate file's digest, `evidence` that of the newest quotation; `acknowledged` names the advisory gates
    that did not pass and were accepted with `reason`.
    """

    id: str
    model: str
    version: str
    digest: str
    threshold: float
    decision: str
    actor: str
    reason: str
    evidence: str
    at: datetime
    commit: str = ""
    data_digest: str = ""
    gates: str = ""
    acknowledged: tuple[str, ...] = ()
