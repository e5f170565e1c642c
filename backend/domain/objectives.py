"""Service level objectives: what is promised, what was counted, and how much of the error budget is left."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from backend.domain.value import Value

SLO_PATH = ".github/slo.toml"
"""Where a team's objectives are committed."""


class Measure(StrEnum):
    """What an objective is a share of: calls that were answered, or answers that came in time."""

    AVAILABILITY = "availability"
    LATENCY = "latency"


class Severity(StrEnum):
    """`PAGE` wakes somebody; a `TICKET` waits for the morning."""

    PAGE = "page"
    TICKET = "ticket"


class Objective(Value):
    """At least this share of calls is good; `within_ms` is what a good answer may take, None for availability."""

    measure: Measure
    objective: float
    within_ms: float | None
    reason: str

    @property
    def allowed(self) -> float:
        """The share of calls that may be bad."""
        return 1 - self.objective


class Burn(Value):
    """Alert where the budget is spent `factor` times as fast as evenly, over both windows (in minutes).

    The long window says that it matters, the short one that it still goes on. Fewer than `least_calls` in the long
    window say nothing. Source: Google, "The Site Reliability Workbook", chapter 5, "Alerting on SLOs".
    """

    name: str
    severity: Severity
    long_minutes: int
    short_minutes: int
    factor: float
    least_calls: int


class Slo(Value):
    """`.github/slo.toml` as read from the default branch; `digest` is sha256 of the file's bytes.

    `hard` says that a spent budget stops promotions, because of `reason`; with less than `least_calls` in the budget's
    window nothing is said of it.
    """

    objectives: tuple[Objective, ...]
    burns: tuple[Burn, ...]
    budget_days: int
    least_calls: int
    hard: bool
    reason: str
    digest: str

    @property
    def windows(self) -> tuple[timedelta, ...]:
        """Every stretch of time that has to be counted, shortest first; the budget's own is the last."""
        minutes = {minutes for burn in self.burns for minutes in (burn.long_minutes, burn.short_minutes)}
        return (*(timedelta(minutes=m) for m in sorted(minutes)), timedelta(days=self.budget_days))


class Counted(Value):
    """Calls of one window that ends with the newest line of the log: `failed` by platform or model, `slow` of the
    `answered` ones. Our probes, mirrored copies and what the model refused for the caller's sake are left out.
    """

    seconds: float
    calls: int
    failed: int
    answered: int
    slow: int

    def bad(self, measure: Measure) -> int:
        return self.failed if measure is Measure.AVAILABILITY else self.slow

    def of(self, measure: Measure) -> int:
        return self.calls if measure is Measure.AVAILABILITY else self.answered


class Rate(Value):
    """One burn rule of one objective: how many times faster than evenly each window spent the budget, None where there
    was no call, and the calls of the long window.
    """

    burn: Burn
    long: float | None
    short: float | None
    calls: int

    @property
    def enough(self) -> bool:
        return self.calls >= self.burn.least_calls and self.long is not None and self.short is not None

    @property
    def firing(self) -> bool:
        return self.enough and min(self.long or 0.0, self.short or 0.0) >= self.burn.factor


class Budget(Value):
    """What one objective has left: `left` is 1 where nothing is spent and below 0 where more than all of it is.

    `left` is None without a call; with fewer than enough calls it is shown and judges nothing (`judged`).
    """

    objective: Objective
    calls: int
    bad: int
    left: float | None
    judged: bool
    rates: tuple[Rate, ...]

    @property
    def left_words(self) -> str:
        """`37 %`, `nothing` where all is spent, `–` where nobody has called."""
        if self.left is None:
            return "–"
        return f"{100 * self.left:.0f} %" if self.left > 0 else "nothing"

    @property
    def spent(self) -> bool:
        return self.judged and self.left is not None and self.left <= 0


class Standing(Value):
    """All objectives of an endpoint as measured `at`; `data_until` is the newest line of the log, None without one.

    `stale` says that the log has been silent for too long to tell anything about now.
    """

    endpoint: str
    slo: Slo
    budgets: tuple[Budget, ...]
    at: datetime
    data_until: datetime | None
    stale: bool = False

    @property
    def spent(self) -> tuple[Budget, ...]:
        return tuple(budget for budget in self.budgets if budget.spent)
