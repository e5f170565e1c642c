"""A promotion's plan and progress as the timeline draws it: one line per share of traffic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.decisions import Rollout
from backend.domain.pace import excluded, pace, paces, roughly, whole
from backend.domain.promotions import Promotion, Step, StepKind, StepRecord, StepState
from console.viewmodels.figures import clock, duration
from console.viewmodels.text import Untrusted


@dataclass(frozen=True, slots=True)
class Line:
    """`state` is done, now, bad or open."""

    label: str
    text: Untrusted
    when: str
    state: str


_LABELS = {
    StepKind.RESTORE_TRAFFIC: "Back",
    StepKind.REMOVE_CANDIDATE: "Clear",
    StepKind.RETIRE_OTHERS: "Clear",
    StepKind.SCHEDULE_RETIREMENT: "After",
    StepKind.COLLECT_EVIDENCE: "Compare",
}


def planned(rollout: Rollout | None, stable: str, per_hour: float | None = None) -> tuple[Line, ...]:
    """What follows the click, before there is a promotion; `per_hour` calls arrive, None where that is not known."""
    if rollout is None:
        return ()
    lines = [Line("0 %", Untrusted("deployment created, smoke test"), "", "open")]
    if not stable:
        return (*lines, Line("100 %", Untrusted("all calls at once: nothing serves yet"), "", "open"))
    mirror = rollout.mirror
    if mirror is not None:
        asked = _asked(mirror.min_calls, mirror.min_seconds)
        when = _awaited(mirror.percent, mirror.min_calls, mirror.min_seconds, per_hour)
        lines.append(Line("mirror", Untrusted(f"copies of {mirror.percent} %: {asked}"), when, "open"))
    for step in rollout.steps:
        when = _awaited(step.weight, step.min_calls, step.min_seconds, per_hour)
        lines.append(Line(f"{step.weight} %", Untrusted(_asked(step.min_calls, step.min_seconds)), when, "open"))
    warm = duration(rollout.keep_warm_seconds)
    return (*lines, Line(f"+ {warm}", Untrusted(f"{stable} is released"), "", "open"))


def _asked(calls: int, seconds: float) -> str:
    return f"{calls:,} calls and {duration(seconds)}"


def _awaited(weight: int, calls: int, seconds: float, per_hour: float | None) -> str:
    """How long that takes at this share of what arrives now; "" where that is not known."""
    if per_hour is None or not calls:
        return ""
    lasts = pace(weight, calls, seconds, per_hour).seconds
    return "never" if lasts is None else f"about {roughly(lasts)}"


def lasting(rollout: Rollout, per_hour: float | None) -> str:
    """All of it at the present rate, and what it cannot show."""
    if per_hour is None:
        return "How long it takes is not known: the endpoint's traffic has not been read."
    found = paces(rollout, per_hour)
    seconds, calls = whole(found), min(one.calls for one in found)
    takes = f"About {roughly(seconds)} in all" if seconds is not None else "It would not end: no calls arrive"
    shows = f"no error in {calls:,} calls excludes a rate above {100 * excluded(calls):.1f} %" if calls else ""
    told = f"{takes} at {per_hour:,.0f} calls/h now; {shows}" if shows else f"{takes} at {per_hour:,.0f} calls/h now"
    return f"{told}. Live calls show health, not accuracy."


def progressed(promotion: Promotion, now: datetime, per_hour: float | None = None) -> tuple[Line, ...]:
    """The steps of a promotion, those of one share of traffic drawn together."""
    groups: list[tuple[str, list[StepRecord]]] = []
    for record in promotion.steps:
        label = label_of(record.step)
        if groups and groups[-1][0] == label:
            groups[-1][1].append(record)
        else:
            groups.append((label, [record]))
    return tuple(_line(label, records, promotion, now, per_hour) for label, records in groups)


def label_of(step: Step) -> str:
    if step.kind in {StepKind.MIRROR_TRAFFIC, StepKind.OBSERVE_MIRROR}:
        return "mirror"
    if step.weight is not None:
        return f"{step.weight} %"
    if step.kind is StepKind.SCHEDULE_RETIREMENT and step.keep_warm_seconds:
        return f"+ {duration(step.keep_warm_seconds)}"
    return _LABELS.get(step.kind, "0 %")


def position(promotion: Promotion) -> str:
    """`2 of 4`: which line is in progress."""
    labels = list(dict.fromkeys(label_of(r.step) for r in promotion.steps))
    current = promotion.current
    reached = labels.index(label_of(current.step)) + 1 if current else len(labels)
    return f"{reached} of {len(labels)}"


def _line(label: str, records: list[StepRecord], promotion: Promotion, now: datetime, per_hour: float | None) -> Line:
    states = {record.state for record in records}
    ended = {StepState.SUCCEEDED, StepState.SKIPPED}
    said = next((r.reason for r in reversed(records) if r.reason), "")
    if states & {StepState.FAILED, StepState.ERRORED}:
        return Line(label, Untrusted(said, 400), clock(_finished(records), now), "bad")
    if states <= ended:
        return Line(label, Untrusted(said or "done", 240), clock(_finished(records), now), "done")
    in_progress = not promotion.phase.final and any(r.ordinal == promotion.position for r in records)
    running = in_progress or bool(states & {StepState.RUNNING, StepState.WAITING})
    if running and not promotion.phase.final:
        return Line(label, Untrusted(said or _intended(records), 240), "now", "now")
    return Line(label, Untrusted(said or _intended(records), 240), _ahead(records, per_hour), "open")


def _finished(records: list[StepRecord]) -> datetime | None:
    return max((r.finished_at for r in records if r.finished_at), default=None)


def _ahead(records: list[StepRecord], per_hour: float | None) -> str:
    observe = next((r.step for r in records if r.step.kind.watches), None)
    return _awaited(observe.weight or 0, observe.min_calls, observe.min_seconds, per_hour) if observe else ""


def _intended(records: list[StepRecord]) -> str:
    observe = next((r.step for r in records if r.step.kind.watches), None)
    if observe is not None:
        return _asked(observe.min_calls, observe.min_seconds)
    if any(r.step.kind is StepKind.SCHEDULE_RETIREMENT for r in records):
        return "what served before is released"
    return ", ".join(r.step.kind.value.replace("_", " ") for r in records)
