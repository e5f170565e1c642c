"""An endpoint's contract as rows and sentences for the developers who call it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from backend.domain.contract import Asked, Contract, Release, Told, Tried
from backend.domain.quality import LoadResult
from backend.domain.statuses import STATUSES
from backend.domain.telemetry import Traffic
from backend.domain.value import Reading
from console.viewmodels.figures import ago, milliseconds
from console.viewmodels.text import Untrusted


@dataclass(frozen=True, slots=True)
class Line:
    """One release in the list of changes. `tone` is good, warn or bad, with a word beside it."""

    when: str
    what: str
    effect: str
    tone: str
    sentences: tuple[Untrusted, ...]


def span(low: float, high: float) -> str:
    return f"{low:g} to {high:g}"


def asked(field: Asked) -> tuple[Untrusted, str, Untrusted, str, str]:
    kind = "integer" if field.whole else "number"
    plausible, possible = span(field.low, field.high), span(field.possible_low, field.possible_high)
    return Untrusted(field.name), kind, Untrusted(field.unit), plausible, possible


def told(one: Told) -> tuple[Untrusted, str, Untrusted]:
    """A value of an answer: its path, what it is, what it means."""
    kind = one.kind + (" or null" if one.nullable else "")
    if one.values:
        kind = " or ".join(f"“{value[:40]}”" for value in one.values[:6])
    elif one.low is not None and one.high is not None:
        kind = f"{kind}, {span(one.low, one.high)}"
    return Untrusted(one.name, 80), kind, Untrusted(one.meaning, 240)


def statuses() -> tuple[tuple[str, str, str], ...]:
    """What else the endpoint answers, and what a caller does then."""
    return tuple((f"{one.status} {one.name}", one.when, one.do) for one in STATUSES)


def latency(reading: Reading[Traffic], load: LoadResult | None, now: datetime) -> tuple[tuple[str, str, str], ...]:
    """What to expect, measured: the last 24 hours of calls, and the load test before the release."""
    rows = []
    found = max(reading.value.summaries, key=lambda s: s.requests, default=None) if reading.value else None
    if found is not None and found.requests:
        told_at = f"{found.requests:,} calls in 24 h, read {ago(reading.at, now)}"
        figures = f"p50 {milliseconds(found.p50_ms)} ms, p95 {milliseconds(found.p95_ms)} ms"
        rows.append(("Latency, live", figures, told_at))
    else:
        rows.append(("Latency, live", "not known", "no call in the last 24 h" if reading.at else "not read yet"))
    if load is not None:
        under = f"{load.requests:,} calls, {load.at_a_time} at a time, {ago(load.made_at, now)}"
        rows.append(("Latency, load test", f"p95 {milliseconds(load.p95_ms)} ms", under))
        rows.append(
            ("Throughput, load test", f"{load.per_second:.0f} calls a second", "one instance of the test endpoint")
        )
    return tuple(rows)


def limits(contract: Contract) -> tuple[tuple[str, str, str], ...]:
    return (
        ("Rows in a request", f"at most {contract.max_rows:,}", "more are refused with 424"),
        ("Body", f"at most {contract.max_bytes:,} bytes", "from 1.5 MB on the platform says 413"),
        ("Request id", "x-request-id", "yours is repeated in the answer"),
    )


def releases(found: tuple[Release, ...], now: datetime) -> tuple[Line, ...]:
    return tuple(_line(release, now) for release in found)


def _line(release: Release, now: datetime) -> Line:
    what = {"test": "on test", "roll back": "returned to"}.get(release.kind, "serves")
    said = [Untrusted(change.sentence, 240) for change in release.changes]
    if release.threshold_before is not None and release.threshold_before != release.threshold:
        moved = f"Decisions are made at {release.threshold:g}, before at {release.threshold_before:g}."
        said.append(Untrusted(moved))
    said.append(Untrusted(f"Why: {release.reason}", 300))
    effect, tone = _effect(release)
    return Line(
        when=ago(release.at, now), what=f"v{release.version} {what}", effect=effect, tone=tone, sentences=tuple(said)
    )


def _effect(release: Release) -> tuple[str, str]:
    if not release.before:
        return "the first version", "quiet"
    if not release.known:
        return "not known: one of the two has no written contract", "warn"
    if release.breaking:
        return "breaks callers", "bad"
    return ("adds, breaks nothing", "good") if release.changes else ("nothing changes for you", "good")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call from the page came to. `facts` are name, value and remark; `body` the answer as it came."""

    title: str
    tone: str
    facts: tuple[tuple[str, Untrusted, str], ...]
    body: str


def outcome(tried: Tried) -> Outcome:
    """The answer told: what it says where it is one, why not where it is a refusal."""
    body = _parsed(tried.body)
    predictions = body.get("predictions")
    first = predictions[0] if isinstance(predictions, list) and predictions else None
    facts = [("Status", Untrusted(str(tried.status)), f"model {tried.model_status}" if tried.model_status else "")]
    title, tone = f"Answered {tried.status}", "bad"
    if tried.status == 200 and isinstance(first, dict):
        title, tone = f"{str(first.get('decision', '')).capitalize()[:20]}", "good"
        facts += [
            ("Probability", Untrusted(_rounded(first.get("probability"))), ""),
            ("Threshold", Untrusted(str(body.get("threshold"))), "of the release"),
            ("Version", Untrusted(f"v{body.get('model_version')}"), ""),
        ]
        warnings = body.get("warnings")
        facts += [
            ("Warning", Untrusted(str(one.get("message")), 200), "")
            for one in (warnings if isinstance(warnings, list) else [])
            if isinstance(one, dict)
        ]
    elif tried.reason:
        title, tone = "Refused", "warn"
        facts.append(("Reason", Untrusted(tried.reason, 300), "do not send it again"))
    facts += [
        ("Deployment", Untrusted(tried.deployment or "–"), ""),
        ("Request id", Untrusted(tried.request_id or "–"), "quote it when you ask us"),
        ("Took", Untrusted(f"{tried.milliseconds:.0f} ms"), "from this console"),
    ]
    return Outcome(title=title, tone=tone, facts=tuple(facts), body=tried.body[:4000])


def _rounded(value: object) -> str:
    """Four digits of a number; the whole one stands in the answer as it came."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _parsed(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
