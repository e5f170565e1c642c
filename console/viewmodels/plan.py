"""A promotion's plan and progress as the timeline draws it: one line per share of traffic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.decisions import Rollout
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


def planned(rollout: Rollout | None, stable: str) -> tuple[Line, ...]:
    """What follows the click, before there is a promotion."""
    if rollout is None:
        return ()
    lines = [Line("0 %", Untrusted("deployment created, smoke test"), "", "open")]
    for step in rollout.steps:
        wait = f"{step.min_calls:,} calls and {duration(step.min_seconds)}, then analysis"
        lines.append(Line(f"{step.weight} %", Untrusted(wait), "", "open"))
    if stable:
        warm = duration(rollout.keep_warm_seconds)
        lines.append(Line(f"+ {warm}", Untrusted(f"{stable} is released"), "", "open"))
    return tuple(lines)


def progressed(promotion: Promotion, now: datetime) -> tuple[Line, ...]:
    """The steps of a promotion, those of one share of traffic drawn together."""
    groups: list[tuple[str, list[StepRecord]]] = []
    for record in promotion.steps:
        label = label_of(record.step)
        if groups and groups[-1][0] == label:
            groups[-1][1].append(record)
        else:
            groups.append((label, [record]))
    return tuple(_line(label, records, promotion, now) for label, records in groups)


def label_of(step: Step) -> str:
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


def _line(label: str, records: list[StepRecord], promotion: Promotion, now: datetime) -> Line:
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
    return Line(label, Untrusted(said or _intended(records), 240), "", "open")


def _finished(records: list[StepRecord]) -> datetime | None:
    return max((r.finished_at for r in records if r.finished_at), default=None)


def _intended(records: list[StepRecord]) -> str:
    observe = next((r.step for r in records if r.step.kind is StepKind.OBSERVE), None)
    if observe is not None:
        return f"{observe.min_calls:,} calls and {duration(observe.min_seconds)}, then analysis"
    if any(r.step.kind is StepKind.SCHEDULE_RETIREMENT for r in records):
        return "what served before is released"
    return ", ".join(r.step.kind.value.replace("_", " ") for r in records)
