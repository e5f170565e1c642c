"""The decision page: everything a lead needs in order to click once."""

from __future__ import annotations

from datetime import datetime

from backend.domain.comparison import Comparison
from backend.domain.decisions import Decision, Dossier
from backend.domain.evidence import Evidence
from backend.domain.headline import Readiness, headline
from backend.domain.pace import calls_per_hour
from backend.domain.people import Actor
from backend.domain.promotions import Phase, StepKind, StepState
from backend.domain.telemetry import Traffic, TrafficSummary
from backend.domain.value import Reading
from backend.operations.approvals_told import hands
from console.viewmodels.figures import (
    ago,
    asset,
    count,
    milliseconds,
    share,
    short_commit,
    short_digest,
)
from console.viewmodels.state import VERSIONS, Pill
from console.viewmodels.text import Untrusted

_READINESS = {
    Readiness.READY: ("good", "check_circle"),
    Readiness.BLOCKED: ("bad", "block"),
    Readiness.WAITING: ("blue", "hourglass_top"),
}


def state_pill(decision: Decision) -> Pill:
    """The headline with its symbol; a version about which there is nothing to decide shows its state."""
    said = headline(decision)
    if said.readiness is Readiness.SETTLED:
        return VERSIONS[decision.dossier.state]
    tone, symbol = ("bad", "emergency_home") if said.past_a_gate else _READINESS[said.readiness]
    return Pill(Untrusted(said.words).one_line(100), tone, symbol)


def comparison_of(dossier: Dossier) -> Evidence | None:
    """The newest comparison that speaks about this very digest."""
    about = [e for e in dossier.evidence if e.comparison and e.model_digest == dossier.version.digest]
    return max(about, key=lambda e: e.made_at, default=None)


def comparison(dossier: Dossier) -> Comparison | None:
    evidence = comparison_of(dossier)
    return evidence.comparison if evidence else None


def uncompared(dossier: Dossier) -> str:
    """Why its test compared it with nothing, in the test's words; "" where a comparison is there or may still come."""
    staging = dossier.staging
    if staging is None or staging.phase is not Phase.SUCCEEDED or comparison_of(dossier):
        return ""
    judged = (record for record in staging.steps if record.step.kind is StepKind.COLLECT_EVIDENCE)
    return next((record.reason for record in judged if record.state is StepState.SKIPPED), "")


def who(decision: Decision, actor: Actor) -> tuple[tuple[str, Untrusted], ...]:
    authors, _, submitter = hands(decision.dossier)
    return (
        ("Author", Untrusted(authors or "unknown")),
        ("Run by", Untrusted(submitter)),
        ("Approver", Untrusted(_approvers(decision))),
        ("You", Untrusted(actor.name)),
    )


def _approvers(decision: Decision) -> str:
    """Whose approval counts, and whose is still awaited."""
    found = decision.dossier.assent
    given = ", ".join(approval.actor for approval in found.counted)
    counted = given if found.needed == 1 or not given else f"{given}, {len(found.counted)} of {found.needed}"
    if found.complete or _serves(decision):
        return counted or "nobody"
    return f"{counted}; needs {found.still_needed}" if counted else f"needs {found.still_needed}"


def _serves(decision: Decision) -> bool:
    return decision.serves


def about_hands(decision: Decision) -> tuple[tuple[str, Untrusted], ...]:
    """Sentences below the names, each with its tone: what you made, what does not count, until when it stands."""
    found = decision.dossier.assent
    if _serves(decision):
        return ()
    until = f"Approved until {found.expires_at:%d %b %H:%M} UTC." if found.complete and found.expires_at else ""
    return (
        *(("warn", Untrusted(said, 300)) for said in decision.duty),
        *(("warn", Untrusted(one.why, 300)) for one in found.set_aside),
        *((("quiet", Untrusted(until)),) if until else ()),
    )


def health(traffic: Reading[Traffic], deployment: str, max_p95_ms: float) -> tuple[tuple[str, str, str], ...]:
    """What serves now, over the window that was read: error rate, p95, calls in all and in an hour."""
    summary = summary_of(traffic.value, deployment)
    if traffic.value is None or summary is None or not summary.requests:
        return ()
    limit = f"≤ {max_p95_ms:,.0f}" if max_p95_ms else ""
    return (
        (
            "Errors",
            f"{share(summary.errors, summary.requests)} %",
            f"{count(summary.errors)} of {count(summary.requests)}",
        ),
        ("p95", f"{milliseconds(summary.p95_ms)} ms", limit),
        ("Calls an hour", count(calls_per_hour(traffic.value)), ""),
    )


def budgets_left(decision: Decision) -> tuple[tuple[str, str, str], ...]:
    """Name, value, and what it means in full: what production has left to spend, and alerts that nobody has closed."""
    standing = decision.objectives
    named = ("Open alerts", str(decision.alerts), "firing or not, until a person says what it was")
    alerts = (named,) if decision.alerts else ()
    if standing is None:
        return alerts
    judged = any(budget.judged for budget in standing.budgets)
    words = (budget.left_words if budget.judged else "–" for budget in standing.budgets)
    left = ", ".join(words) if judged else "too few calls"
    names = " and ".join(budget.objective.measure.value for budget in standing.budgets)
    few = "" if all(budget.judged for budget in standing.budgets) else "; too few calls yet to judge by it"
    budget = ("Budget left", left, f"Error budget of {names}, {standing.slo.budget_days} days{few}")
    return (budget, *alerts)


def summary_of(traffic: Traffic | None, deployment: str) -> TrafficSummary | None:
    return next((s for s in traffic.summaries if s.deployment == deployment), None) if traffic else None


def bound(decision: Decision) -> tuple[str, str, str]:
    """Commit, data and digest that the click is bound to."""
    version = decision.dossier.version
    return short_commit(version.lineage.commit), asset(version.lineage.data_asset), short_digest(version.digest)


def measured(evidence: Evidence | None, now: datetime) -> str:
    return f"measured {ago(evidence.made_at, now)}" if evidence else ""
