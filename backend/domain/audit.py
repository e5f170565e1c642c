"""The ledger's rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class AuditKind(StrEnum):
    """What an act concerns.

    MODELS are decisions about versions, EVIDENCE what they were made on, SETUP the files that decide too.
    PROMOTIONS are what was asked of one and what it came to, STEPS what the worker did for it, PROGRESS its waits,
    EVENTS what happened outside the console and who explained it.
    """

    PULL_REQUESTS = "pull requests"
    MODELS = "models"
    EVIDENCE = "evidence"
    PROMOTIONS = "promotions"
    STEPS = "steps"
    PROGRESS = "progress"
    RUNS = "runs"
    SETUP = "setup"
    PEOPLE = "people"
    EVENTS = "events"


_KINDS = {
    "pull_request": AuditKind.PULL_REQUESTS,
    "model": AuditKind.MODELS,
    "promotion": AuditKind.PROMOTIONS,
    "endpoint": AuditKind.PROMOTIONS,
    "deployment": AuditKind.PROMOTIONS,
    "run": AuditKind.RUNS,
    "setup": AuditKind.SETUP,
    "control": AuditKind.SETUP,
    "drill": AuditKind.SETUP,
    "file": AuditKind.SETUP,
    "person": AuditKind.PEOPLE,
    "event": AuditKind.EVENTS,
    "alert": AuditKind.EVENTS,
    "silence": AuditKind.EVENTS,
    "branch": AuditKind.EVENTS,
    "ruleset": AuditKind.EVENTS,
}
_WAITS = frozenset({"promotion.pending", "promotion.running", "promotion.waiting"})


def kind_of(action: str, subject: str) -> AuditKind | None:
    """What an act concerns, by its name and its subject; None for what is only in the whole list."""
    if action.startswith("evidence.") or action == "version.judged":
        return AuditKind.EVIDENCE
    if action.startswith("step."):
        return AuditKind.STEPS
    return AuditKind.PROGRESS if action in _WAITS else _KINDS.get(subject.partition("/")[0])


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
