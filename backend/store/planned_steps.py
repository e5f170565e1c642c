"""Steps as they are stored. A plan outlives the release that wrote it, so it may hold what this release cannot read."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from backend.domain.promotions import Promotion, Step, StepKind
from backend.errors import Conflict

_PLAN = TypeAdapter(tuple[Step, ...])
LEFT_ALONE = (
    "Planned by a later release: it has a step that this one does not know, so it is left as it is. "
    "A worker of that release goes on with it."
)


def read_step(text: str) -> Step:
    """The step, or one of kind UNKNOWN where this release cannot read it."""
    return _step(json.loads(text))


def read_plan(text: str) -> tuple[Step, ...]:
    return tuple(_step(found) for found in json.loads(text))


def write_plan(plan: tuple[Step, ...]) -> str:
    return _PLAN.dump_json(plan).decode()


def _step(found: Any) -> Step:
    try:
        return Step.model_validate(found)
    except ValidationError:
        return Step(kind=StepKind.UNKNOWN)


def of_a_later_release(promotion: Promotion) -> bool:
    """Whether this release can only look at it: to write it back would lose what could not be read."""
    return any(record.step.kind is StepKind.UNKNOWN for record in promotion.steps)


def as_shown(promotion: Promotion) -> Promotion:
    """With the reason why nothing moves, where it is left alone."""
    if promotion.finished_at is not None or not of_a_later_release(promotion):
        return promotion
    return promotion.model_copy(update={"reason": LEFT_ALONE})


def refuse_unread(promotion: Promotion) -> None:
    """Raises Conflict for a change of what this release cannot read."""
    if of_a_later_release(promotion):
        raise Conflict(
            f"v{promotion.target.version} on {promotion.target.endpoint} cannot be changed from here. {LEFT_ALONE}",
            expected="a plan of this release",
            actual="a plan of a later one",
        )
