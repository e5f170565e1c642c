"""The whole state machine of a promotion. Pure: a promotion, what happened, and the time in; a promotion out."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from backend.domain.promotions import (
    Errored,
    Failed,
    Kind,
    Outcome,
    Phase,
    Promotion,
    Request,
    Skipped,
    Snapshot,
    Step,
    StepKind,
    StepRecord,
    StepState,
    Succeeded,
    Target,
    Waiting,
)
from backend.errors import Invalid
from backend.promotion.plan import compensation_plan
from backend.promotion.wording import doing, named

MAX_ATTEMPTS = 9
FIRST_BACKOFF = 1.0
LONGEST_BACKOFF = 30.0
"""Waits of 1, 2, 4, 8, 16, 30, 30 and 30 s: two minutes of a service's absence are ridden out."""

SHARE_OF_A_WAIT, LONGEST_LOOK = 0.1, 10.0
"""Seconds at most. A wait is looked at again after a tenth of what it has lasted: ten minutes are 80 looks, not 600."""

PAUSED_LOOK = 5.0
_BACK = (StepKind.RESTORE_TRAFFIC, StepKind.REMOVE_CANDIDATE)


def begin(
    promotion_id: str,
    kind: Kind,
    target: Target,
    plan: tuple[Step, ...],
    *,
    by: str,
    reason: str,
    now: datetime,
    expected_stable: str = "",
) -> Promotion:
    """A promotion as the click records it: nothing has happened yet."""
    return Promotion(
        id=promotion_id,
        kind=kind,
        target=target,
        phase=Phase.PENDING,
        reason="Recorded; the worker will begin.",
        requested_by=by,
        requested_reason=reason,
        plan=plan,
        steps=tuple(StepRecord(ordinal=n, step=step, state=StepState.PENDING) for n, step in enumerate(plan)),
        position=0,
        snapshot=None,
        expected_stable=expected_stable,
        created_at=now,
        updated_at=now,
        next_at=now,
    )


def rolling_back(promotion: Promotion) -> bool:
    """Whether the way back has begun: its steps follow the planned ones."""
    return len(promotion.steps) > len(promotion.plan)


def advance(promotion: Promotion, outcome: Outcome, now: datetime) -> Promotion:
    """What a step's outcome makes of the promotion; a wish that came in meanwhile is looked at next."""
    moved = _advanced(promotion, outcome, now)
    return moved if moved.request is Request.NONE else moved.model_copy(update={"next_at": now})


def _advanced(promotion: Promotion, outcome: Outcome, now: datetime) -> Promotion:
    record = promotion.current
    if record is None:
        return promotion
    if record.started_at is None:
        record = record.model_copy(update={"started_at": now})
    if promotion.phase is Phase.PAUSED and not isinstance(outcome, Failed):
        return _watched_while_paused(promotion, record, outcome, now)
    if isinstance(outcome, Succeeded | Skipped):
        return _passed(promotion, record, outcome, now)
    if isinstance(outcome, Failed):
        return _stopped(
            promotion, _ended(record, StepState.FAILED, outcome.reason, outcome.output, now), outcome.reason, now
        )
    overdue = (now - (record.started_at or now)).total_seconds() >= record.step.deadline_seconds
    if isinstance(outcome, Waiting):
        return _waited(promotion, record, outcome, now, overdue=overdue)
    return _errored(promotion, record, outcome, now, overdue=overdue)


def honour(promotion: Promotion, now: datetime) -> Promotion:
    """Do between two steps what a person asked for: pause, or the way back, which keeps who asked for it."""
    asked = {"request": Request.NONE, "updated_at": now, "next_at": now}
    cleared = promotion.model_copy(update=asked)
    by = f"by {promotion.request_by}: {promotion.request_reason}"
    if promotion.phase.final or rolling_back(promotion):
        return cleared
    if promotion.request is Request.PAUSE:
        if promotion.phase is Phase.NEEDS_ATTENTION:
            return cleared
        paused = {"phase": Phase.PAUSED, "reason": f"Paused {by}", "request_by": "", "request_reason": ""}
        return cleared.model_copy(update=paused)
    if promotion.request is Request.PROMOTE_NOW:
        return _hurried(cleared, f"Gone on early {by}", now)
    if promotion.request is Request.ABORT and promotion.current is not None:
        record = promotion.current
        begun = record.started_at is not None
        ended = _ended(record, StepState.SKIPPED, f"Aborted {by}", record.output, now) if begun else record
        return _way_back(_with(cleared, ended), f"Aborted {by}", Phase.ROLLED_BACK, now)
    return cleared


def _hurried(promotion: Promotion, reason: str, now: datetime) -> Promotion:
    """Skip what is left of an observation; one that has ended meanwhile needs nobody's hurry."""
    heard = promotion.model_copy(update={"request_by": "", "request_reason": ""})
    record = promotion.current
    if record is None or not record.step.kind.watches or promotion.phase is Phase.NEEDS_ATTENTION:
        return heard
    return _passed(heard, record, Skipped(reason=reason), now)


def ask(promotion: Promotion, request: Request, by: str, reason: str, now: datetime) -> Promotion:
    """Record a person's wish; raises Invalid where it can no longer be honoured. The same wish twice is one."""
    if promotion.phase.final:
        raise Invalid(f"This promotion has ended ({promotion.phase.value}); there is nothing left to {request.value}.")
    if rolling_back(promotion):
        raise Invalid(f"This promotion is on its way back already, so it cannot be {_past(request)}.")
    if request is Request.PAUSE and promotion.phase is Phase.NEEDS_ATTENTION:
        raise Invalid("This promotion has stopped and needs attention: resume or abort it.")
    if request is Request.PROMOTE_NOW and not can_hurry(promotion):
        raise Invalid("Nothing is being observed now, so there is nothing to go on from early.")
    if promotion.request is request or (request is Request.PAUSE and promotion.phase is Phase.PAUSED):
        return promotion
    if promotion.request is Request.ABORT:
        raise Invalid("An abort was asked for already, and it goes first.")
    wish = {"request": request, "request_by": by, "request_reason": reason, "updated_at": now, "next_at": now}
    return promotion.model_copy(update=wish)


def can_hurry(promotion: Promotion) -> bool:
    """Whether a person may go on before the observation has ended: only while a new version is being observed."""
    record = promotion.current
    observed = record is not None and record.step.kind.watches and promotion.kind is Kind.PROMOTE
    return observed and not promotion.phase.final and promotion.phase is not Phase.NEEDS_ATTENTION


def resume(promotion: Promotion, by: str, reason: str, now: datetime) -> Promotion:
    """Go on from a pause, or try again where attention was needed; deadlines and attempts start afresh."""
    if promotion.request is Request.ABORT:
        raise Invalid("An abort was asked for, and it goes first.")
    if promotion.phase not in {Phase.PAUSED, Phase.NEEDS_ATTENTION} and promotion.request is not Request.PAUSE:
        raise Invalid(f"This promotion is {promotion.phase.value}, not paused; there is nothing to resume.")
    record = promotion.current
    if record is None:
        return promotion
    again = record.model_copy(update={"state": StepState.RUNNING, "started_at": now, "finished_at": None, "reason": ""})
    fresh = {
        "phase": Phase.ROLLING_BACK if rolling_back(promotion) else Phase.RUNNING,
        "reason": f"Resumed by {by}: {reason}",
        "request": Request.NONE,
        "request_by": "",
        "request_reason": "",
        "attempt": 0,
        "updated_at": now,
        "next_at": now,
    }
    return _with(promotion, again).model_copy(update=fresh)


def _passed(promotion: Promotion, record: StepRecord, outcome: Succeeded | Skipped, now: datetime) -> Promotion:
    state = StepState.SKIPPED if isinstance(outcome, Skipped) else StepState.SUCCEEDED
    passed = _with(promotion, _ended(record, state, outcome.reason, {**record.output, **outcome.output}, now))
    if record.step.kind is StepKind.SNAPSHOT:
        passed = passed.model_copy(update={"snapshot": _snapshot(outcome)})
    position = promotion.position + 1
    moved = passed.model_copy(update={"position": position, "attempt": 0, "updated_at": now, "next_at": now})
    if position == len(moved.steps):
        return _finished(moved, now)
    following = moved.steps[position].model_copy(update={"state": StepState.RUNNING, "started_at": now})
    phase = Phase.ROLLING_BACK if rolling_back(moved) else Phase.RUNNING
    reason = promotion.reason if rolling_back(moved) else doing(following.step, promotion.target)
    return _with(moved, following).model_copy(update={"phase": phase, "reason": reason})


def _finished(promotion: Promotion, now: datetime) -> Promotion:
    version = promotion.target.version
    if rolling_back(promotion):
        return promotion.model_copy(update={"phase": Phase.ROLLED_BACK, "finished_at": now})
    done = {
        Kind.STAGE: f"v{version} was tested on {promotion.target.endpoint}.",
        Kind.PROMOTE: f"{promotion.target.endpoint} serves v{version} at 100 %.",
        Kind.ROLL_BACK: f"{promotion.target.endpoint} serves v{version} again at 100 %.",
        Kind.ADOPT: f"{promotion.target.endpoint} serves v{version}, as it did before the console came.",
    }[promotion.kind]
    return promotion.model_copy(update={"phase": Phase.SUCCEEDED, "reason": done, "finished_at": now})


def _waited(promotion: Promotion, record: StepRecord, outcome: Waiting, now: datetime, *, overdue: bool) -> Promotion:
    seen = record.model_copy(
        update={"state": StepState.WAITING, "reason": outcome.reason, "output": {**record.output, **outcome.output}}
    )
    if outcome.held:
        seen = seen.model_copy(update={"started_at": now})
    elif overdue:
        late = f"not done within {record.step.deadline_seconds:g} s: {outcome.reason}"
        if record.step.kind.watches:
            return _inconclusive(promotion, seen, f"Inconclusive, {late}", now)
        failed = _ended(seen, StepState.FAILED, late, seen.output, now)
        return _stopped(promotion, failed, f"{named(record.step)} was {late}", now)
    back = rolling_back(promotion)
    waiting = {
        "phase": Phase.ROLLING_BACK if back else Phase.WAITING,
        "reason": promotion.reason if back else outcome.reason,
        "attempt": 0,
        "updated_at": now,
        "next_at": now + timedelta(seconds=_look_after(seen, outcome, now)),
    }
    return _with(promotion, seen).model_copy(update=waiting)


def _look_after(record: StepRecord, outcome: Waiting, now: datetime) -> float:
    """Seconds until the next look. An observation and a freeze window know their own pace."""
    if record.step.kind.watches or outcome.held:
        return outcome.retry_after
    waited = (now - (record.started_at or now)).total_seconds()
    return max(outcome.retry_after, min(LONGEST_LOOK, waited * SHARE_OF_A_WAIT))


def _errored(promotion: Promotion, record: StepRecord, outcome: Errored, now: datetime, *, overdue: bool) -> Promotion:
    attempt = promotion.attempt + 1
    tried = record.model_copy(update={"attempts": record.attempts + 1, "reason": outcome.reason})
    observing = record.step.kind.watches
    # Missing telemetry proves nothing against a candidate: watching goes on until its deadline, then asks a person.
    may_retry = outcome.transient and (not overdue if observing else attempt < MAX_ATTEMPTS)
    if may_retry:
        wait = max(backoff(attempt), outcome.retry_after or 0.0)
        seen = tried.model_copy(update={"state": StepState.WAITING})
        back = rolling_back(promotion)
        waiting = {
            "phase": Phase.ROLLING_BACK if back else Phase.WAITING,
            "reason": promotion.reason if back else f"{outcome.reason} Trying again (attempt {attempt + 1}).",
            "attempt": attempt,
            "updated_at": now,
            "next_at": now + timedelta(seconds=wait),
        }
        return _with(promotion, seen).model_copy(update=waiting)
    if observing:
        return _inconclusive(promotion, tried, f"Inconclusive: {outcome.reason}", now)
    ended = _ended(tried, StepState.ERRORED, outcome.reason, tried.output, now)
    return _stopped(promotion, ended, f"{named(record.step)}: {outcome.reason}", now)


def _watched_while_paused(
    promotion: Promotion, record: StepRecord, outcome: Succeeded | Skipped | Waiting | Errored, now: datetime
) -> Promotion:
    """Analysis goes on under a pause and may still fail; but only a person makes it move on."""
    seen = (
        record
        if isinstance(outcome, Errored)
        else record.model_copy(update={"output": {**record.output, **outcome.output}})
    )
    looked = {"updated_at": now, "next_at": now + timedelta(seconds=PAUSED_LOOK)}
    return _with(promotion, seen).model_copy(update=looked)


def _inconclusive(promotion: Promotion, record: StepRecord, reason: str, now: datetime) -> Promotion:
    paused = {"phase": Phase.PAUSED, "reason": f"{reason} Resume or abort.", "attempt": 0, "updated_at": now}
    later = {"next_at": now + timedelta(seconds=PAUSED_LOOK)}
    return _with(promotion, record.model_copy(update={"state": StepState.WAITING})).model_copy(update=paused | later)


def _stopped(promotion: Promotion, ended: StepRecord, reason: str, now: datetime) -> Promotion:
    """A step failed or broke: end, go back, or call a person."""
    stopped = _with(promotion, ended)
    served = any(r.step.kind is StepKind.SHIFT_TRAFFIC and r.started_at is not None for r in stopped.steps)
    # A rollback that does not hold has no good version behind it to return to by itself.
    if rolling_back(promotion) or (promotion.kind is Kind.ROLL_BACK and served):
        attention = {"phase": Phase.NEEDS_ATTENTION, "reason": reason, "updated_at": now, "next_at": now, "attempt": 0}
        return stopped.model_copy(update=attention)
    final = Phase.FAILED if ended.state is StepState.FAILED else Phase.ERRORED
    return _way_back(stopped, reason, final, now)


def _way_back(promotion: Promotion, reason: str, untouched: Phase, now: datetime) -> Promotion:
    """Append the way back, or end at once in `untouched` where nothing was begun that needs one.

    A test leaves its remains on the test endpoint, for whoever looks into it; the next test clears them.
    """
    ended = {"reason": reason, "updated_at": now, "next_at": now, "attempt": 0}
    begun = any(r.step.kind is StepKind.CREATE_DEPLOYMENT and r.started_at is not None for r in promotion.steps)
    if promotion.kind is Kind.STAGE and untouched is Phase.ROLLED_BACK:
        return promotion.model_copy(update=ended | {"phase": Phase.FAILED, "finished_at": now})
    if promotion.kind is Kind.STAGE or not begun:
        return promotion.model_copy(update=ended | {"phase": untouched, "finished_at": now})
    first = len(promotion.steps)
    back = [StepRecord(ordinal=first + n, step=s, state=StepState.PENDING) for n, s in enumerate(compensation_plan())]
    back[0] = back[0].model_copy(update={"state": StepState.RUNNING, "started_at": now})
    steps = (*promotion.steps, *back)
    return promotion.model_copy(update=ended | {"steps": steps, "position": first, "phase": Phase.ROLLING_BACK})


def backoff(attempt: int) -> float:
    """Seconds before the next try after `attempt` failures in a row."""
    return min(FIRST_BACKOFF * 2.0 ** (attempt - 1), LONGEST_BACKOFF)


def _past(request: Request) -> str:
    return {Request.PAUSE: "paused", Request.ABORT: "aborted", Request.PROMOTE_NOW: "hurried", Request.NONE: "changed"}[
        request
    ]


def _snapshot(outcome: Succeeded | Skipped) -> Snapshot:
    stable = str(outcome.output.get("stable", ""))
    return Snapshot(traffic=json.loads(str(outcome.output.get("traffic", "{}"))), stable=stable or None)


def _ended(
    record: StepRecord, state: StepState, reason: str, output: dict[str, str | int | float | bool], now: datetime
) -> StepRecord:
    return record.model_copy(update={"state": state, "reason": reason, "output": output, "finished_at": now})


def _with(promotion: Promotion, record: StepRecord) -> Promotion:
    steps = tuple(record if r.ordinal == record.ordinal else r for r in promotion.steps)
    return promotion.model_copy(update={"steps": steps})
