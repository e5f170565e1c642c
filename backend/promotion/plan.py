"""From a committed `rollout.toml` to the ordered steps of a promotion. Pure."""

from __future__ import annotations

import hashlib
import tomllib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.domain.decisions import LoadPlan, MirrorPlan, Rollout, RolloutStep
from backend.domain.promotions import Step, StepKind
from backend.errors import Invalid

ROLLOUT_PATH = "training/rollout.toml"

CREATE_DEADLINE = 1800.0
TRAFFIC_DEADLINE = 600.0
PROBE_DEADLINE = 300.0
EVIDENCE_DEADLINE = 7200.0
ROLL_BACK_SECONDS = 5.0
ROLL_BACK_DEADLINE = 120.0
DEFAULT_KEEP_WARM = 86_400.0
MOST_MIRRORED = 50
"""Percent; Azure mirrors no more, and to one deployment only."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)


class _StepTable(_Table):
    weight: Annotated[int, Field(ge=1, le=100)]
    min_calls: Annotated[int, Field(ge=0)]
    min_seconds: Annotated[float, Field(ge=0)]


class _Limits(_Table):
    max_error_rate: Annotated[float, Field(ge=0, le=1)]
    max_p95_ms: Annotated[float, Field(gt=0)]
    max_cpu_percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    max_memory_percent: Annotated[float, Field(ge=0, le=100)] = 0.0


class _Stable(_Table):
    """Against what serves in the same minutes."""

    max_error_increase: Annotated[float, Field(ge=0, le=1)] = 1.0
    max_p95_ratio: Annotated[float, Field(ge=0)] = 0.0
    max_positive_shift: Annotated[float, Field(ge=0, le=1)] = 1.0


class _Load(_Table):
    requests: Annotated[int, Field(ge=20, le=2000)] = 400
    at_a_time: Annotated[int, Field(ge=1, le=32)] = 4


class _Mirror(_Table):
    """A `percent` of 0 mirrors nothing."""

    percent: Annotated[int, Field(ge=0, le=MOST_MIRRORED)]
    min_calls: Annotated[int, Field(ge=0)]
    min_seconds: Annotated[float, Field(ge=0)]


class _Observe(_Table):
    deadline_seconds: Annotated[float, Field(gt=0)]


class _Retirement(_Table):
    keep_warm_seconds: Annotated[float, Field(ge=0)]


class _File(_Table):
    step: Annotated[tuple[_StepTable, ...], Field(min_length=1)]
    limits: _Limits
    stable: _Stable = _Stable()
    load: _Load = _Load()
    mirror: _Mirror | None = None
    observe: _Observe
    retirement: _Retirement


def read_rollout(content: bytes, commit: str) -> Rollout:
    """The rollout as committed; raises Invalid with the key that is wrong.

    Weights rise and end at 100, and the deadline leaves room for the longest `min_seconds`.
    """
    try:
        read = _File.model_validate(tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{ROLLOUT_PATH} is not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(f"{ROLLOUT_PATH}: {_key(first['loc'])}: {first['msg'].lower()}") from error
    weights = [step.weight for step in read.step]
    if weights != sorted(set(weights)):
        raise Invalid(f"{ROLLOUT_PATH}: step.weight: weights must rise, found {weights}")
    if weights[-1] != 100:
        raise Invalid(f"{ROLLOUT_PATH}: step.weight: the last weight must be 100, found {weights[-1]}")
    longest = max(step.min_seconds for step in (*read.step, *((read.mirror,) if read.mirror else ())))
    if read.observe.deadline_seconds <= longest:
        raise Invalid(f"{ROLLOUT_PATH}: observe.deadline_seconds: must exceed the longest min_seconds, {longest:g}")
    return Rollout(
        steps=tuple(RolloutStep(**step.model_dump()) for step in read.step),
        **read.limits.model_dump(),
        **read.stable.model_dump(),
        load=LoadPlan(**read.load.model_dump()),
        mirror=MirrorPlan(**read.mirror.model_dump()) if read.mirror and read.mirror.percent else None,
        keep_warm_seconds=read.retirement.keep_warm_seconds,
        observe_deadline_seconds=read.observe.deadline_seconds,
        commit=commit,
        digest="sha256:" + hashlib.sha256(content).hexdigest(),
    )


def _key(location: tuple[int | str, ...]) -> str:
    """`step[2].weight`: where in the file, counted as a person counts."""
    name = ""
    for part in location:
        name += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name or "the file"


def stage_plan() -> tuple[Step, ...]:
    """On the test endpoint: serve it there, test it, compare it, and let it replace the one before."""
    return (
        *_candidate(),
        Step(kind=StepKind.LOAD_TEST, deadline_seconds=PROBE_DEADLINE),
        Step(kind=StepKind.REPLAY, deadline_seconds=PROBE_DEADLINE),
        Step(kind=StepKind.REPLAY_COLLECTED, deadline_seconds=PROBE_DEADLINE),
        Step(kind=StepKind.SHIFT_TRAFFIC, weight=100, deadline_seconds=TRAFFIC_DEADLINE),
        Step(kind=StepKind.COLLECT_EVIDENCE, deadline_seconds=EVIDENCE_DEADLINE),
        Step(kind=StepKind.RETIRE_OTHERS, deadline_seconds=TRAFFIC_DEADLINE),
    )


def promote_plan(rollout: Rollout, *, has_stable: bool) -> tuple[Step, ...]:
    """On the production endpoint; without a stable deployment there is nothing to compare health with, nor to keep."""
    beginning = (Step(kind=StepKind.SNAPSHOT, deadline_seconds=PROBE_DEADLINE), *_candidate())
    if not has_stable:
        return (*beginning, Step(kind=StepKind.SHIFT_TRAFFIC, weight=100, deadline_seconds=TRAFFIC_DEADLINE))
    watched: list[Step] = []
    for step in rollout.steps:
        watched += [
            Step(kind=StepKind.SHIFT_TRAFFIC, weight=step.weight, deadline_seconds=TRAFFIC_DEADLINE),
            _observe(StepKind.OBSERVE, rollout, step.weight, step.min_calls, step.min_seconds),
        ]
    return (*beginning, *_mirrored(rollout), *watched, _retire(rollout.keep_warm_seconds))


def _mirrored(rollout: Rollout) -> tuple[Step, ...]:
    """Copy, look, and stop copying: a deployment takes live or mirrored calls, not both."""
    mirror = rollout.mirror
    if mirror is None:
        return ()
    return (
        Step(kind=StepKind.MIRROR_TRAFFIC, weight=mirror.percent, deadline_seconds=TRAFFIC_DEADLINE),
        _observe(StepKind.OBSERVE_MIRROR, rollout, mirror.percent, mirror.min_calls, mirror.min_seconds),
        Step(kind=StepKind.MIRROR_TRAFFIC, weight=0, deadline_seconds=TRAFFIC_DEADLINE),
    )


def _observe(kind: StepKind, rollout: Rollout, weight: int, min_calls: int, min_seconds: float) -> Step:
    return Step(
        kind=kind,
        weight=weight,
        min_calls=min_calls,
        min_seconds=min_seconds,
        max_error_rate=rollout.max_error_rate,
        max_p95_ms=rollout.max_p95_ms,
        max_cpu_percent=rollout.max_cpu_percent,
        max_memory_percent=rollout.max_memory_percent,
        max_error_increase=rollout.max_error_increase,
        max_p95_ratio=rollout.max_p95_ratio,
        max_positive_shift=rollout.max_positive_shift,
        deadline_seconds=rollout.observe_deadline_seconds,
    )


def roll_back_plan(rollout: Rollout | None, *, adopted: bool = False) -> tuple[Step, ...]:
    """Back to an earlier version: all traffic at once, then a short look; the one rolled back stays warm.

    What was adopted can be neither made anew nor asked for its digest: it is gone back to while it is warm.
    """
    ours = (
        Step(kind=StepKind.CREATE_DEPLOYMENT, deadline_seconds=CREATE_DEADLINE),
        Step(kind=StepKind.VERIFY_DIGEST, deadline_seconds=PROBE_DEADLINE),
    )
    return (
        Step(kind=StepKind.SNAPSHOT, deadline_seconds=PROBE_DEADLINE),
        *(() if adopted else ours),
        Step(kind=StepKind.SHIFT_TRAFFIC, weight=100, deadline_seconds=TRAFFIC_DEADLINE),
        Step(
            kind=StepKind.OBSERVE,
            weight=100,
            min_seconds=ROLL_BACK_SECONDS,
            max_error_rate=rollout.max_error_rate if rollout else 1.0,
            deadline_seconds=ROLL_BACK_DEADLINE,
        ),
        _retire(rollout.keep_warm_seconds if rollout else DEFAULT_KEEP_WARM),
    )


def compensation_plan() -> tuple[Step, ...]:
    """The way back, as ordinary steps: traffic first, then the candidate goes."""
    return (
        Step(kind=StepKind.RESTORE_TRAFFIC, deadline_seconds=TRAFFIC_DEADLINE),
        Step(kind=StepKind.REMOVE_CANDIDATE, deadline_seconds=CREATE_DEADLINE),
    )


def _candidate() -> tuple[Step, ...]:
    return (
        Step(kind=StepKind.CREATE_DEPLOYMENT, deadline_seconds=CREATE_DEADLINE),
        Step(kind=StepKind.VERIFY_DIGEST, deadline_seconds=PROBE_DEADLINE),
        Step(kind=StepKind.SMOKE_TEST, deadline_seconds=PROBE_DEADLINE),
    )


def _retire(keep_warm: float) -> Step:
    return Step(kind=StepKind.SCHEDULE_RETIREMENT, deadline_seconds=PROBE_DEADLINE, keep_warm_seconds=keep_warm)
