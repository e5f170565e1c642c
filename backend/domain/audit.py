"""The ledger's rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class AuditKind(StrEnum):
    """What an act concerns.

    PROMOTIONS are what was asked of one and what it came to, STEPS what the worker did for it, PROGRESS its waits,
    EVENTS what happened outside the console and who explained it.
    """

    PULL_REQUESTS = "pull requests"
    MODELS = "models"
    PROMOTIONS = "promotions"
    STEPS = "steps"
    PROGRESS = "progress"
    RUNS = "runs"
    SETUP = "setup"
    PEOPLE = "people"
    EVENTS = "events"


class AuditEntry(Value):
    """One row of the hash chain. `subject` is `promotion/<id>`, `model/<name>:<v>`, `pull_request/<n>`, ...

    `hash` is sha256 over the canonical JSON of the other fields, `previous` included.
    """

    sequence: int
    at: datetime
    actor: str
    channel: str
    action: str
    subject: str
    reason: str
    before: str
    after: str
    detail: dict[str, str | int | float | bool]
    previous: str
    hash: str


class ChainReport(Value):
    """Whether the ledger is whole, and where it first is not."""

    entries: int
    whole: bool
    problem: str = ""
