"""The decision page: everything a lead needs in order to click once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.clock import utc_now
from backend.domain.comparison import Comparison
from backend.domain.decisions import Decision, Dossier, Rollout
from backend.domain.endpoints import Deployment
from backend.domain.evidence import Evidence
from backend.domain.headline import Readiness, headline
from backend.domain.people import Actor
from backend.domain.registry import ModelVersion, VersionState
from backend.domain.telemetry import Traffic, TrafficSummary
from backend.domain.value import Reading
from backend.operations.approvals_told import hands
from console.viewmodels.figures import (
    ago,
    asset,
    clock,
    count,
    duration,
    milliseconds,
    share,
    short_commit,
    short_digest,
)
from console.viewmodels.state import VERSIONS, Pill
from console.viewmodels.text import Untrusted

_CODE = frozenset({"Model digest", "Commit", "Data asset", "Data digest", "Environment", "Run"})
_READINESS = {
    Readiness.READY: ("good", "check_circle"),
    Readiness.BLOCKED: ("bad", "block"),
    Readiness.WAITING: ("blue", "hourglass_top"),
}


@dataclass(frozen=True, slots=True)
class NowNext:
    """One line of the table; `code` values are set in the code face."""

    field: str
    now: Untrusted
    after: Untrusted
    changed: bool

    @property
    def code(self) -> bool:
        return self.field in _CODE


def state_pill(decision: Decision) -> Pill:
    """The headline with its symbol; a version about which there is nothing to decide shows its state."""
    said = headline(decision)
    if said.readiness is Readiness.SETTLED:
        return VERSIONS[decision.dossier.state]
    tone, symbol = ("bad", "emergency_home") if said.past_a_gate else _READINESS[said.readiness]
    return Pill(Untrusted(said.words).one_line(100), tone, symbol)


def now_next(decision: Decision, stable: ModelVersion | None, instance: str) -> tuple[NowNext, ...]:
    """Production as it is, against what the click makes of it; `instance` is what a new deployment gets."""
    target, version = decision.target, decision.dossier.version
    serving = decision.endpoint.deployment(decision.expected_stable) if decision.endpoint else None
    now = _now(serving, stable)
    after = {
        "Model digest": short_digest(target.digest),
        "Commit": short_commit(version.lineage.commit),
        "Pull request": _pull(version),
        "Data asset": asset(version.lineage.data_asset),
        "Data digest": short_digest(version.lineage.data_digest),
        "Threshold": f"{target.threshold:.2f}",
        "Environment": asset(target.environment),
        "Run": version.lineage.run[:24] or "–",
        "Instance": instance,
        "Author": version.lineage.author or "–",
        "Serving since": "not yet serving",
    }
    if decision.serving_since is not None:
        now["Serving since"] = clock(decision.serving_since, utc_now())
    return tuple(NowNext(f, Untrusted(now.get(f, "–")), Untrusted(v), now.get(f, "–") != v) for f, v in after.items())


def _now(serving: Deployment | None, stable: ModelVersion | None) -> dict[str, str]:
    shown: dict[str, str] = {}
    if stable is not None:
        shown |= {
            "Model digest": short_digest(stable.digest),
            "Commit": short_commit(stable.lineage.commit),
            "Pull request": _pull(stable),
            "Data asset": asset(stable.lineage.data_asset),
            "Data digest": short_digest(stable.lineage.data_digest),
            "Run": stable.lineage.run[:24] or "–",
            "Author": stable.lineage.author or "–",
        }
    if serving is not None:
        shown["Environment"] = asset(serving.environment)
        shown["Instance"] = f"{serving.instance_type} × {serving.instance_count}"
        threshold = serving.variables.get("MLOPS_THRESHOLD", "")
        shown["Threshold"] = f"{float(threshold):.2f}" if _number(threshold) else threshold or "–"
    return shown


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pull(version: ModelVersion) -> str:
    return f"#{version.lineage.pull_request}" if version.lineage.pull_request else "–"


def comparison_of(dossier: Dossier) -> Evidence | None:
    """The newest comparison that speaks about this very digest."""
    about = [e for e in dossier.evidence if e.comparison and e.model_digest == dossier.version.digest]
    return max(about, key=lambda e: e.made_at, default=None)


def comparison(dossier: Dossier) -> Comparison | None:
    evidence = comparison_of(dossier)
    return evidence.comparison if evidence else None


def who(decision: Decision, actor: Actor) -> tuple[tuple[str, Untrusted], ...]:
    authors, _, submitter = hands(decision.dossier)
    found = decision.dossier.assent
    given = ", ".join(a.actor for a in found.counted) or "nobody yet"
    return (
        ("Author", Untrusted(authors or "unknown")),
        ("Run by", Untrusted(submitter)),
        ("Approver", Untrusted(given if found.needed == 1 else f"{given}, {len(found.counted)} of {found.needed}")),
        *(() if found.complete or _serves(decision) else (("Needed", Untrusted(found.still_needed)),)),
        ("You", Untrusted(actor.name)),
    )


def _serves(decision: Decision) -> bool:
    return decision.dossier.state is VersionState.SERVING


def about_hands(decision: Decision) -> tuple[tuple[str, Untrusted], ...]:
    """Sentences below the names, each with its tone: what you made, what does not count, until when, how known."""
    found = decision.dossier.assent
    _, known, _ = hands(decision.dossier)
    until = f"Approved until {found.expires_at:%d %b %H:%M} UTC." if found.complete and found.expires_at else ""
    ends = [("quiet", Untrusted(until))] if until else []
    if _serves(decision):
        return (("quiet", Untrusted(known, 200)),)
    return (
        *(("warn", Untrusted(said, 300)) for said in decision.duty),
        *(("warn", Untrusted(one.why, 300)) for one in found.set_aside),
        *ends,
        ("quiet", Untrusted(known, 200)),
    )


def health(traffic: Reading[Traffic], deployment: str, max_p95_ms: float) -> tuple[tuple[str, str, str], ...]:
    """The last hour of what serves now: error rate, p95, calls."""
    summary = summary_of(traffic.value, deployment)
    if summary is None or not summary.requests:
        return ()
    limit = f"limit {max_p95_ms:,.0f} ms" if max_p95_ms else ""
    return (
        ("Error rate", f"{share(summary.errors, summary.requests)} %", f"{summary.errors:,} of {summary.requests:,}"),
        ("p95", f"{milliseconds(summary.p95_ms)} ms", limit),
        ("Calls", count(summary.requests), "last hour"),
    )


def summary_of(traffic: Traffic | None, deployment: str) -> TrafficSummary | None:
    return next((s for s in traffic.summaries if s.deployment == deployment), None) if traffic else None


def stop_rules(rollout: Rollout | None, stable: str) -> tuple[tuple[str, str], ...]:
    if rollout is None or not stable:
        return ()
    return (
        (f"errors exceed {rollout.max_error_rate:.1%}".replace("%", " %"), "at every step"),
        (f"p95 exceeds {rollout.max_p95_ms:,.0f} ms", "at every step"),
        *_against_stable(rollout),
        ("too few calls arrive: it pauses", f"after {duration(rollout.observe_deadline_seconds)}"),
        ("it answers with another digest", "any answer"),
    )


def _against_stable(rollout: Rollout) -> tuple[tuple[str, str], ...]:
    """The limits that this rollout has beside errors and latency."""
    points = f"{100 * rollout.max_error_increase:g} points"
    asked = (
        (rollout.max_error_increase < 1, f"errors exceed stable's by {points}", "while stable takes calls"),
        (
            rollout.max_p95_ratio > 0,
            f"p95 exceeds stable's {rollout.max_p95_ratio:g} times",
            "while stable takes calls",
        ),
        (rollout.max_cpu_percent > 0, f"processor above {rollout.max_cpu_percent:g} %", "three minutes in a row"),
        (rollout.max_memory_percent > 0, f"memory above {rollout.max_memory_percent:g} %", "three minutes in a row"),
        (
            rollout.max_positive_shift < 1,
            f"positives differ by {100 * rollout.max_positive_shift:g} points",
            "while stable takes calls",
        ),
    )
    return tuple((rule, when) for wanted, rule, when in asked if wanted)


def bound(decision: Decision) -> tuple[str, str, str]:
    """Commit, data and digest that the click is bound to."""
    version = decision.dossier.version
    return short_commit(version.lineage.commit), asset(version.lineage.data_asset), short_digest(version.digest)


def measured(evidence: Evidence | None, now: datetime) -> str:
    return f"measured {ago(evidence.made_at, now)}" if evidence else ""
