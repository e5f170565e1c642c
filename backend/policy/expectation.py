"""What the ledger says should be on an endpoint now: a pure function over its promotions."""

from __future__ import annotations

from collections.abc import Iterable

from backend.domain.promotions import Kind, Phase, Promotion, StepKind, StepRecord, StepState, Target
from backend.domain.value import Value
from backend.policy.traffic_story import weights_at

Weights = dict[str, int]


class Expected(Value):
    """`weights` are the splits that are right now: several while one is being changed into another.

    `targets` is everything of ours that may be there, by deployment, and `warm` what must still be there at 0 %.
    """

    endpoint: str
    weights: tuple[Weights, ...]
    targets: dict[str, Target]
    warm: tuple[str, ...] = ()
    promoting: bool = False

    @property
    def needed(self) -> frozenset[str]:
        """The deployments without which no right split could be served, and those kept warm."""
        shared = frozenset.intersection(*(frozenset(split) for split in self.weights))
        return shared | frozenset(self.warm)


def expected_weights(promotions: Iterable[Promotion], start: Weights) -> tuple[Weights, ...]:
    """The right splits after these promotions, oldest first, of which the last may be under way.

    What a promotion found when it began is no promise: traffic set by somebody else stays wrong until it is undone.
    """
    right: tuple[Weights, ...] = (start,)
    for promotion in promotions:
        right = _during(promotion, right) if promotion.finished_at is None else _after(promotion, right)
    return right


def _after(promotion: Promotion, before: tuple[Weights, ...]) -> tuple[Weights, ...]:
    if promotion.phase is Phase.SUCCEEDED:
        return ({promotion.target.deployment: 100},)
    if promotion.kind is not Kind.STAGE:
        return before
    # A test that failed leaves its candidate where it was, for whoever looks into it.
    shifts = _shifts(promotion)
    if any(record.state is StepState.SUCCEEDED for record in shifts):
        return ({promotion.target.deployment: 100},)
    return _distinct((*before, *(_at(promotion, record) for record in shifts if record.started_at)))


def _during(promotion: Promotion, before: tuple[Weights, ...]) -> tuple[Weights, ...]:
    done = [record for record in _shifts(promotion) if record.state is StepState.SUCCEEDED]
    left = (_at(promotion, done[-1]),) if done else before
    back = next((r for r in promotion.steps if r.step.kind is StepKind.RESTORE_TRAFFIC), None)
    if back is not None and back.state in {StepState.SUCCEEDED, StepState.SKIPPED}:
        return before
    # An order goes out before anybody has written that it did, so both sides of it are right.
    ordered = [r for r in _shifts(promotion) if r.started_at is not None and r.state is not StepState.SUCCEEDED]
    splits = [*left, *(_at(promotion, record) for record in ordered)]
    if back is not None:
        splits += [*before, *([promotion.snapshot.traffic] if promotion.snapshot else [])]
    return _distinct(splits)


def _shifts(promotion: Promotion) -> list[StepRecord]:
    return [record for record in promotion.steps if record.step.kind is StepKind.SHIFT_TRAFFIC]


def _at(promotion: Promotion, record: StepRecord) -> Weights:
    base = promotion.snapshot.traffic if promotion.snapshot else {}
    return weights_at(base, promotion.target.deployment, record.step.weight or 0)


def _distinct(splits: Iterable[Weights]) -> tuple[Weights, ...]:
    found: list[Weights] = []
    for split in splits:
        if split not in found:
            found.append(split)
    return tuple(found)
