"""The base of every domain value, and readings that carry their age."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Value(BaseModel):
    """Frozen, compared by content, and refusing unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reading(Value, Generic[T]):
    """A value as last seen: the moment it was true, where from, and what went wrong since.

    `value` is None only if the source has never answered; `problem` is "" while the source answers.
    """

    value: T | None
    at: datetime | None
    source: str
    problem: str = ""

    def age(self, now: datetime) -> float | None:
        """Seconds since the value was true, or None if there never was one."""
        return None if self.at is None else max(0.0, (now - self.at).total_seconds())
