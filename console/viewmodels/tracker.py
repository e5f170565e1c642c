"""A promotion in flight: measured against limits, side by side."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.analysis import Check as Found
from backend.domain.analysis import Health, read_checks
from backend.domain.promotions import Kind, Phase, Promotion, Request, StepKind, StepRecord, StepState
from backend.domain.telemetry import CapacityPoint, Mark, Traffic
from backend.domain.value import Reading
from console.viewmodels.decision import summary_of
from console.viewmodels.figures import duration, milliseconds, share
from console.viewmodels.series import WORDED, Chart, Series, mark_lines
from console.viewmodels.state import Pill

FAR = 3
"""A limit further above than this many times the measured is said in words: drawn, it would flatten the lines."""

HALF = 50
_VERBS = {Kind.STAGE: "Test", Kind.PROMOTE: "Promote", Kind.ROLL_BACK: "Roll back to", Kind.ADOPT: "Adopt"}

PASS = Pill("pass", "good", "check_circle")


@dataclass(frozen=True, slots=True)
class Side:
    """One deployment's box: four figures with their n. `role` is stable, candidate or previous."""

    deployment: str
    role: str
    since: str
    state: Pill
    quads: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the analysis: what was measured, over how many calls, against which limit."""

    metric: str
    measured: str
    limit: str
    n: str
    verdict: Pill


@dataclass(frozen=True, slots=True)
class Observed:
    """What the observe step has counted so far."""

    record: StepRecord
    calls: int
    errors: int
    p95_ms: float | None
    seconds: float


def title(promotion: Promotion) -> str:
    target = f"{promotion.target.model} v{promotion.target.version}"
    where = {
        Kind.STAGE: f" on {promotion.target.endpoint}",
        Kind.PROMOTE: " to production",
        Kind.ROLL_BACK: "",
        Kind.ADOPT: ", which served before the console came",
    }
    return f"{_VERBS[promotion.kind]} {target}{where[promotion.kind]}"


def named(promotion: Promotion) -> str:
    """`Promote v2`: a promotion in a list."""
    return f"{_VERBS[promotion.kind]} v{promotion.target.version}"


def stable_of(promotion: Promotion) -> str | None:
    """What served when this began; until that has been recorded, what the requester saw serving."""
    return (promotion.snapshot.stable if promotion.snapshot else promotion.expected_stable) or None


def observed(promotion: Promotion) -> Observed | None:
    """The observe step in progress, else the last one that ran."""
    observing = [r for r in promotion.steps if r.step.kind.watches and r.started_at is not None]
    if not observing:
        return None
    record = observing[-1]
    out = record.output
    return Observed(
        record=record,
        calls=int(out.get("calls", 0)),
        errors=int(out.get("errors", 0)),
        p95_ms=float(out["p95_ms"]) if "p95_ms" in out else None,
        seconds=float(out.get("seconds", 0.0)),
    )


def checks(seen: Observed) -> tuple[Check, ...]:
    """Each limit of the step against what was measured; too few calls is not a pass.

    Errors above the limit are a failure only where the step has failed: before that they may be chance.
    """
    told = read_checks(str(seen.record.output.get("checks", "")))
    if told:
        return (*(_check(one) for one in told if one.measure != "Calls"), *_amounts(seen))
    step, n = seen.record.step, f"{seen.calls:,}"
    short = step.min_calls - seen.calls
    few = Pill(f"inconclusive: needs {short:,} more calls", "blue", "hourglass_top")
    over = Pill("over the limit", "bad", "error")
    rate = seen.errors / seen.calls if seen.calls else 0.0
    failed = seen.record.state is StepState.FAILED
    chance = Pill("inconclusive: may be chance, more calls are needed", "blue", "hourglass_top")
    above = over if failed else chance
    verdict = above if rate > step.max_error_rate else few if short > 0 else PASS
    rows = [
        Check(
            "Error rate",
            f"{share(seen.errors, seen.calls)} %, {seen.errors:,} of {n}" if seen.calls else "no calls yet",
            f"≤ {step.max_error_rate:.1%}".replace("%", " %"),
            n,
            verdict,
        )
    ]
    if step.max_p95_ms:
        slow = seen.p95_ms is not None and seen.p95_ms > step.max_p95_ms
        verdict = over if slow and (failed or short <= 0) else few if short > 0 or seen.p95_ms is None else PASS
        measured = "no calls yet" if seen.p95_ms is None else f"{milliseconds(seen.p95_ms)} ms"
        rows.append(Check("p95 latency", measured, f"≤ {step.max_p95_ms:,.0f} ms", n, verdict))
    return (*rows, *_amounts(seen))


def _check(found: Found) -> Check:
    pill = {
        Health.GOOD: PASS,
        Health.BAD: Pill("over the limit", "bad", "error"),
        Health.UNCLEAR: Pill("inconclusive: more is needed", "blue", "hourglass_top"),
        Health.UNMEASURED: Pill("not measured", "quiet", "radio_button_unchecked"),
    }[found.health]
    return Check(found.measure, found.measured, found.limit, f"{found.n:,}" if found.n else "–", pill)


def _amounts(seen: Observed) -> tuple[Check, ...]:
    """Calls and time, which a passing measure waits for."""
    step, n, short = seen.record.step, f"{seen.calls:,}", seen.record.step.min_calls - seen.calls
    few = Pill(f"inconclusive: needs {short:,} more calls", "blue", "hourglass_top")
    wait = step.min_seconds - seen.seconds
    time_left = Pill(f"{duration(wait)} to go", "blue", "hourglass_top") if wait > 0 else PASS
    return (
        Check("Calls", n, f"≥ {step.min_calls:,}", n, few if short > 0 else PASS),
        Check("Time", duration(seen.seconds), f"≥ {duration(step.min_seconds)}", "–", time_left),
    )


def sides(
    promotion: Promotion,
    weights: dict[str, int],
    traffic: Reading[Traffic],
    capacity: Reading[tuple[CapacityPoint, ...]],
    window: str,
    mirror: dict[str, int] | None = None,
) -> tuple[Side, ...]:
    """Stable and candidate; only the candidate on a first promotion."""
    stable = stable_of(promotion)
    names = [name for name in (stable, promotion.target.deployment) if name]
    return tuple(
        Side(
            deployment=name,
            role=_role(promotion, name, weights.get(name, 0)),
            since=_share(weights.get(name, 0), (mirror or {}).get(name, 0)),
            state=_state(promotion, name, traffic.value),
            quads=_quads(name, traffic.value, capacity.value, window),
        )
        for name in dict.fromkeys(names)
    )


def _share(weight: int, mirrored: int) -> str:
    return f"copies of {mirrored} % of the calls, answers nobody" if mirrored else f"{weight} % of traffic"


def _role(promotion: Promotion, name: str, weight: int) -> str:
    """Roles belong to a promotion in flight; afterwards production alone tells who is stable."""
    if promotion.phase.final:
        return "stable" if weight > HALF else "previous"
    return "candidate" if name == promotion.target.deployment else "stable"


def _state(promotion: Promotion, name: str, traffic: Traffic | None) -> Pill:
    summary = summary_of(traffic, name)
    n = f", n {summary.requests:,}" if summary else ""
    if summary is None or not summary.requests:
        return Pill("No calls yet", "quiet", "radio_button_unchecked")
    limit = max((r.step.max_error_rate for r in promotion.steps if r.step.kind is StepKind.OBSERVE), default=1.0)
    if summary.errors / summary.requests > limit:
        return Pill(f"Errors over the limit{n}", "bad", "error")
    if name == promotion.target.deployment and promotion.phase is Phase.WAITING:
        return Pill(f"Observing{n}", "blue", "sync")
    return Pill(f"Within limits{n}", "good", "check_circle")


def _quads(
    name: str, traffic: Traffic | None, capacity: tuple[CapacityPoint, ...] | None, window: str
) -> tuple[tuple[str, str, str, str], ...]:
    """Label, figure, unit, and the remark below."""
    summary = summary_of(traffic, name)
    cpu = [p.cpu_percent for p in capacity or () if p.deployment == name and p.cpu_percent is not None]
    if summary is None:
        calls: tuple[tuple[str, str, str, str], ...] = (
            ("p95", "–", "", "no calls"),
            ("Errors", "–", "", "no calls"),
            ("Calls", "0", "", f"in {window}"),
        )
    else:
        calls = (
            ("p95", milliseconds(summary.p95_ms), "ms", f"n {summary.requests:,}"),
            ("Errors", share(summary.errors, summary.requests), "%", f"{summary.errors:,} of {summary.requests:,}"),
            ("Calls", f"{summary.requests:,}", "", f"in {window}"),
        )
    used = ("CPU", f"{cpu[-1]:.0f}", "%", f"peak {max(cpu):.0f} %") if cpu else ("CPU", "–", "", "no sample yet")
    return (*calls, used)


def latency_limit(promotion: Promotion) -> str:
    limit = max((r.step.max_p95_ms for r in promotion.steps), default=0.0)
    return f", limit {limit:,.0f} ms" if limit else ""


def latency_chart(promotion: Promotion, traffic: Traffic, marks: tuple[Mark, ...]) -> Chart:
    stable = stable_of(promotion)
    names = [name for name in (stable, promotion.target.deployment) if name]
    limit = max((r.step.max_p95_ms for r in promotion.steps), default=0.0)
    series = []
    for style, name in enumerate(dict.fromkeys(names)):
        at = {p.at: p.p95_ms for p in traffic.points if p.deployment == name}
        bins = sorted({p.at for p in traffic.points})
        role = "candidate" if name == promotion.target.deployment else "stable"
        series.append(Series(f"{role} {name}", tuple(bins), tuple(at.get(b) for b in bins), style=style))
    highest = max((y for s in series for y in s.y if y is not None), default=limit)
    return Chart(
        name=f"p95_{promotion.id[:12]}",
        series=tuple(series),
        unit="ms",
        start=traffic.start,
        end=traffic.end,
        marks=mark_lines(marks, traffic.start, traffic.end, WORDED),
        limit=limit if limit and limit <= FAR * highest else None,
        limit_text=f"limit {limit:,.0f} ms",
        height=230,
    )


def can_hurry(promotion: Promotion) -> bool:
    """Whether an observation of a new version is under way or has ended inconclusive."""
    current = promotion.current
    observed = current is not None and current.step.kind.watches and promotion.kind is Kind.PROMOTE
    stopped = promotion.phase.final or promotion.phase in {Phase.ROLLING_BACK, Phase.NEEDS_ATTENTION}
    return observed and not stopped and promotion.request in {Request.NONE, Request.PAUSE}


def controls(promotion: Promotion) -> tuple[bool, bool, bool]:
    """Whether pausing, resuming and aborting make sense now."""
    running = not promotion.phase.final and promotion.phase not in {Phase.ROLLING_BACK, Phase.PAUSED}
    pausable = running and promotion.request is Request.NONE and promotion.phase is not Phase.NEEDS_ATTENTION
    abortable = not promotion.phase.final and promotion.phase is not Phase.ROLLING_BACK
    return pausable, promotion.phase is Phase.PAUSED, abortable and promotion.request is not Request.ABORT
