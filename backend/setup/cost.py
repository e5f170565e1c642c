"""What the declared resources cost in a month, by prices that the installation declares. Pure."""

from __future__ import annotations

from backend.domain.cost import HOURS_A_MONTH
from backend.domain.setup import MonthlyCost
from backend.settings_project import Project
from backend.setup.declaration import Declaration

WITHOUT = "Training by the hour, a candidate beside it during a rollout, logs and storage come on top"


def monthly_cost(project: Project, declared: Declaration) -> MonthlyCost | None:
    """What runs whether or not anybody works: the stable deployment, and nodes that are never taken down.

    None where a price of these is not declared.
    """
    kept = {project.instance_type: project.instance_count}
    nodes = 2 * declared.compute.min_nodes
    if nodes:
        kept[declared.compute.size] = kept.get(declared.compute.size, 0) + nodes
    if any(kind not in project.prices for kind in kept):
        return None
    amount = sum(project.prices[kind] * count for kind, count in kept.items()) * HOURS_A_MONTH
    made_of = ", ".join(f"{count} x {kind}" for kind, count in kept.items())
    return MonthlyCost(amount=amount, currency=project.currency, made_of=f"{made_of}, always on", without=f"{WITHOUT}.")
