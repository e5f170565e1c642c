"""The split of an endpoint's traffic, with the roles that its deployments play."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.endpoints import Endpoint
from backend.domain.promotions import Promotion, Retirement, Step, StepKind
from console.viewmodels.figures import clock


@dataclass(frozen=True, slots=True)
class Share:
    """`role` is stable, candidate, or previous: what still answers calls while the way back is being gone."""

    deployment: str
    weight: int
    role: str

    @property
    def candidate(self) -> bool:
        return self.role == "candidate"


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
    stable = next((name for name, _ in weights if name != candidate), "")
    roles = {candidate: "candidate", stable: "stable"}
    shares = tuple(Share(name, weight, roles.get(name, "previous")) for name, weight in weights if weight > 0)
    ahead = next_shift(promotion) if candidate else None
    return Split(shares, ahead.weight if ahead else None)


def ending(deployment: str, endings: tuple[Retirement, ...], now: datetime) -> str:
    """`ends 24 Oct 14:05`: when what is kept warm, or left from a test, is removed; "" where nobody has said."""
    found = next((one for one in endings if one.deployment == deployment), None)
    return f"ends {clock(found.due_at, now)} UTC" if found else ""


def next_shift(promotion: Promotion | None) -> Step | None:
    """The next planned change of traffic, the one in progress included; None when there is none left."""
    if promotion is None or promotion.phase.final:
        return None
    rest = promotion.steps[promotion.position :]
    return next((r.step for r in rest if r.step.kind is StepKind.SHIFT_TRAFFIC), None)
