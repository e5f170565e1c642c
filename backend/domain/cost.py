"""What a deployment or a run costs, by prices that the installation declares: we ask no price list. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.endpoints import Deployment
from backend.domain.value import Value

HOURS_A_MONTH = 730
"""A year's hours by twelve, as cloud price lists count."""


class Cost(Value):
    """An hour of all instances of a deployment, whether it answers calls or not."""

    hour: float
    currency: str

    @property
    def month(self) -> float:
        return self.hour * HOURS_A_MONTH

    @property
    def words(self) -> str:
        return f"{self.hour:.2f} {self.currency}/h, {self.month:,.0f} a month"


def cost_of(deployment: Deployment, prices: Mapping[str, float], currency: str) -> Cost | None:
    """None where no price is declared for this type of instance."""
    price = prices.get(deployment.instance_type)
    return None if price is None else Cost(hour=price * deployment.instance_count, currency=currency)


class Spent(Value):
    """What a run cost: the time of the one node it ran on, from start to end."""

    amount: float
    currency: str

    @property
    def words(self) -> str:
        return f"{self.amount:.4f} {self.currency}" if self.amount < 1 else f"{self.amount:,.2f} {self.currency}"


def spent(seconds: float | None, price: float | None, currency: str) -> Spent | None:
    """None for a run that has not ended, and where no price is declared for the nodes."""
    return None if seconds is None or price is None else Spent(amount=seconds / 3600 * price, currency=currency)
