"""The split of an endpoint's traffic, with the roles that its deployments play."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.endpoints import Endpoint
from backend.domain.promotions import Promotion, Step, StepKind


@dataclass(frozen=True, slots=True)
class Share:
    deployment: str
    weight: int
    candidate: bool

    @property
    def role(self) -> str:
        return "candidate" if self.candidate else "stable"


@dataclass(frozen=True, slots=True)
class Split:
    """Shares, stable first; `next_weight` is the candidate's share in the plan's next step."""

    shares: tuple[Share, ...]
    next_weight: int | None = None


def split(endpoint: Endpoint | None, promotion: Promotion | None) -> Split:
    if endpoint is None:
        return Split(())
    candidate = promotion.target.deployment if promotion and not promotion.phase.final else ""
    weights = sorted(endpoint.traffic.items(), key=lambda item: (item[0] == candidate, -item[1]))
    shares = tuple(Share(name, weight, name == candidate) for name, weight in weights if weight > 0)
    ahead = next_shift(promotion) if candidate else None
    return Split(shares, ahead.weight if ahead else None)


def next_shift(promotion: Promotion | None) -> Step | None:
    """The next planned change of traffic, None when there is none left."""
    if promotion is None or promotion.phase.final:
        return None
    rest = promotion.steps[promotion.position + 1 :]
    return next((r.step for r in rest if r.step.kind is StepKind.SHIFT_TRAFFIC), None)
