"""Whether a run that was made once more says the same."""

from __future__ import annotations

from backend.domain.run_requests import Repeated
from backend.domain.runs import Run

TOLERANCE = 0.0005
"""Absolute, for shares and scores: other processors add floating-point numbers in another order.

A count is equal or it is not.
"""


def repeated(before: Run, after: Run) -> tuple[Repeated, ...]:
    """Each metric that both have, by name."""
    shared = sorted(before.metrics.keys() & after.metrics.keys())
    return tuple(
        Repeated(metric=name, before=one, after=two, within=abs(one - two) <= (0 if _counts(one) else TOLERANCE))
        for name, one, two in ((name, before.metrics[name], after.metrics[name]) for name in shared)
    )


def _counts(value: float) -> bool:
    return value.is_integer() and abs(value) > 1
