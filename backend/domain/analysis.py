"""What watching a candidate has found: a check each, as its promotion keeps it and the tracker shows it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import TypeAdapter

from backend.domain.value import Value


class Health(StrEnum):
    """UNMEASURED is for what the platform does not tell: it is said, holds nothing up, and is no pass."""

    GOOD = "pass"
    BAD = "fail"
    UNCLEAR = "inconclusive"
    UNMEASURED = "not measured"


class Check(Value):
    """One thing that was looked at: in words what was measured and the limit, and of how many calls (or minutes)."""

    measure: str
    health: Health
    measured: str
    limit: str
    n: int
    sentence: str


class Side(Value):
    """One deployment over the window.

    `slow` counts calls slower than the step's limit, `slower` those slower than stable's 95th percentile times the
    allowed ratio; `risks` are the newest scores its log tells, `positives` of them above the threshold.
    """

    deployment: str
    calls: int
    errors: int
    p95_ms: float | None
    slow: int = 0
    slower: int = 0
    positives: int = 0
    risks: tuple[float, ...] = ()


class Seen(Value):
    """All that analysis reads of one window. `stable` is None where nothing serves beside the candidate.

    Processor and memory are percent, the candidate's mean of each minute; `blind` says why there are none.
    """

    candidate: Side
    stable: Side | None = None
    cpu: tuple[float, ...] = ()
    memory: tuple[float, ...] = ()
    blind: str = ""


class Analysis(Value):
    """The checks of one look. One fail is a fail, one inconclusive check keeps the whole from passing."""

    checks: tuple[Check, ...]

    @property
    def health(self) -> Health:
        found = {check.health for check in self.checks}
        return next((health for health in (Health.BAD, Health.UNCLEAR) if health in found), Health.GOOD)

    @property
    def sentence(self) -> str:
        """Of the checks that decide: those that fail, else those that are inconclusive, else all that passed."""
        return "; ".join(check.sentence for check in self.checks if check.health is self.health)


_CHECKS = TypeAdapter(tuple[Check, ...])


def written(checks: tuple[Check, ...]) -> str:
    return _CHECKS.dump_json(checks).decode()


def read_checks(text: str) -> tuple[Check, ...]:
    """What `written` wrote; none of an empty text, which steps of earlier releases have."""
    return _CHECKS.validate_json(text) if text else ()
