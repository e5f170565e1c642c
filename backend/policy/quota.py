"""Whether the quota is enough for a rollout: stable, candidate and the warm one beside it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from backend.domain.quota import Size, Usage

AT_ONCE = 3
"""Stable and warm deployment of production, and the next candidate on one of the two endpoints."""
RESERVE = 1.2
"""Azure keeps a fifth for upgrades. https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas"""


def cores_needed(size: Size, instances: int) -> int:
    """VCPUs of everything that may run at once, with what Azure keeps back."""
    return math.ceil(size.cores * instances * AT_ONCE * RESERVE)


def enough(size: Size | None, instances: int, running: int, usages: Mapping[str, Usage]) -> tuple[bool | None, str]:
    """Whether what is free covers what does not run yet, None where nobody can tell; and the figures in words.

    `running` counts our instances of this type that are part of what is in use.
    """
    if size is None:
        return None, "the region names no such instance type"
    usage = usages.get(size.family)
    if usage is None:
        return None, f"Azure tells no quota for {size.family}"
    wanted, ours = cores_needed(size, instances), size.cores * running
    told = (
        f"a rollout takes {wanted} vCPUs of {size.family}, {ours} of which run already; "
        f"{usage.used} of {usage.limit} are in use"
    )
    return usage.limit - usage.used >= wanted - ours, told
