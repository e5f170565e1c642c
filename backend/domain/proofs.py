"""Whether an endpoint serves what was approved, as it was last asked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value

LIMITS = (
    "One instance answers each question, and the digest is the deployment's own word over its model folder; "
    "Azure's record of model, environment, threshold and traffic is read beside it."
)
"""What a probe cannot see, to be said wherever its result is shown."""


class ProofState(StrEnum):
    """UNPROVEN is no verdict: something could not be asked, or nothing serves."""

    PROVEN = "proven"
    MISMATCH = "mismatch"
    UNPROVEN = "unproven"


class Part(Value):
    """One deployment with traffic. A field that is not known is "" or None."""

    deployment: str
    weight: int
    version: str = ""
    digest: str = ""
    threshold: float | None = None


class Proof(Value):
    """The latest look at one endpoint: what the ledger says should serve, and what was found.

    `proven_at` is when it was last found to serve what was approved, whatever `state` says now.
    """

    endpoint: str
    at: datetime
    state: ProofState
    reason: str
    expected: tuple[Part, ...] = ()
    served: tuple[Part, ...] = ()
    proven_at: datetime | None = None
    limits: str = LIMITS
