"""Alerts: a rule that fires, who looks after it, what it was, and when nobody wants to hear of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.domain.comparison import METRIC_NAMES
from backend.domain.objectives import Severity
from backend.domain.signals import Signal
from backend.domain.value import Value


class AlertState(StrEnum):
    """An alert is closed by a person, with its outcome, and by nothing else."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class AlertRule(Value):
    """What a kind of check means to people: its title, how loud it is, and the name of its runbook."""

    title: str
    severity: Severity
    runbook: str


OTHER = AlertRule(title="Watch", severity=Severity.TICKET, runbook="any-alert")
"""For a rule that nobody has described yet: it is told all the same."""

RULES = {
    "availability-burn": AlertRule(title="Availability", severity=Severity.PAGE, runbook="availability"),
    "latency-burn": AlertRule(title="Latency", severity=Severity.PAGE, runbook="latency"),
    "error-budget": AlertRule(title="Error budget", severity=Severity.PAGE, runbook="error-budget"),
    "drift": AlertRule(title="Drift", severity=Severity.TICKET, runbook="drift"),
    "data-quality": AlertRule(title="Data quality", severity=Severity.TICKET, runbook="drift"),
    "refused-requests": AlertRule(title="Refused requests", severity=Severity.TICKET, runbook="refused-requests"),
    "estimated-performance": AlertRule(
        title="Estimated performance", severity=Severity.TICKET, runbook="estimated-performance"
    ),
    "realised-performance": AlertRule(title="Realised performance", severity=Severity.PAGE, runbook="performance"),
    "monitor": AlertRule(title="The monitor itself", severity=Severity.TICKET, runbook="monitor"),
}
_TICKETS = {("availability-burn", "steady"), ("latency-burn", "steady")}


def rule_of(signal_rule: str) -> AlertRule:
    return RULES.get(signal_rule, OTHER)


def severity_of(rule: str, subject: str) -> Severity:
    return Severity.TICKET if (rule, subject) in _TICKETS else rule_of(rule).severity


class Alert(Value):
    """One thing that goes on, from the first firing until a person closes it with an outcome.

    `value`, `limit`, `n`, `version`, `release`, `chart` and `words` are those of the latest firing. `quiet_since` says
    that the rule is calm again, which closes nothing. `times` counts how often it began to fire. `group` is the id of
    the first alert of what belongs together, its own for that one. `silenced` is the id of the silence that it was
    raised under, "" for one that people were told of.
    """

    id: str
    rule: str
    endpoint: str
    subject: str
    severity: Severity
    state: AlertState = AlertState.OPEN
    value: float | None
    limit: float | None
    unit: str
    n: int
    version: str
    release: str
    chart: str
    words: str
    group: str
    raised_at: datetime
    last_seen: datetime
    quiet_since: datetime | None = None
    times: int = 1
    owner: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    closed_by: str = ""
    closed_at: datetime | None = None
    outcome: str = ""
    silenced: str = ""

    @property
    def key(self) -> str:
        return "/".join((self.rule, self.endpoint, self.subject))

    @property
    def firing(self) -> bool:
        return self.quiet_since is None and self.state is not AlertState.CLOSED

    @property
    def leads(self) -> bool:
        """Whether it is the first of its group, and so the one that people are told of."""
        return self.group == self.id

    @property
    def title(self) -> str:
        """`Availability, fast`."""
        name = METRIC_NAMES.get(self.subject, self.subject)
        subject = name if name.isupper() else self.subject
        return ", ".join(part for part in (rule_of(self.rule).title, subject) if part)

    @property
    def runbook(self) -> str:
        return rule_of(self.rule).runbook


class Silence(Value):
    """Nobody is told of alerts whose key begins with `covers` until `until`; "" covers all of the endpoint's."""

    id: str
    covers: str
    reason: str
    by: str
    at: datetime
    until: datetime
    lifted_by: str = ""
    lifted_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.lifted_at is None and self.at <= now < self.until

    def covering(self, key: str) -> bool:
        """`drift/diabetes-endpoint` covers every feature, `drift/diabetes-endpoint/BMI` one of them."""
        return not self.covers or key == self.covers or key.startswith(f"{self.covers.rstrip('/')}/")


RAISED, AGAIN, CALM, GOES_ON = "raised", "fires_again", "calm", "goes_on"


@dataclass(frozen=True, slots=True)
class Change:
    """An alert as it is from now on, and what happened to it; only `GOES_ON` is nothing that the ledger tells.

    `told` says whether people hear of it: of the first of a group, and of one that is louder than those before it.
    """

    alert: Alert
    what: str
    told: bool = False


def fingerprint(signal: Signal, number: int) -> str:
    """The id of the `number`-th alert about the same thing: short enough to be typed."""
    digest = hashlib.sha256(f"{signal.key}\n{number}".encode()).hexdigest()[:6]
    return f"{signal.rule}-{digest}"
