"""A retraining that the monitoring proposes; a person accepts or dismisses it, and nothing trains before that."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class ProposalState(StrEnum):
    """ACCEPTED waits for the worker to start the workflow; STARTED, DISMISSED and FAILED are ends."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    STARTED = "started"
    DISMISSED = "dismissed"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        return self in {ProposalState.PROPOSED, ProposalState.ACCEPTED}


class Trigger(StrEnum):
    DRIFT = "drift"
    PERFORMANCE = "realised performance"
    SCHEDULE = "schedule"


class Rules(Value):
    """None is proposed for `cool_down_days` after the last, nor while `hold` says why; `every_days` 0 is never."""

    cool_down_days: float
    every_days: float
    hold: str


class Proposal(Value):
    """Why the version that serves should be trained anew, and what a person said to it.

    `why` is one sentence with figures; `outcome` what came of it once accepted.
    """

    id: str
    endpoint: str
    version: str
    trigger: Trigger
    why: str
    proposed_at: datetime
    state: ProposalState = ProposalState.PROPOSED
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    outcome: str = ""
