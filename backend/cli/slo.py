"""`mlops slo`: the objectives of the production endpoint, and what is left of their error budgets."""

from __future__ import annotations

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.session import backend, current_actor
from backend.domain.objectives import Budget
from backend.settings import load


@click.command()
@json_option
def slo(as_json: bool) -> None:
    """Objectives, error budgets and burn rates, as the worker last measured them."""
    settings, known = load(), backend()
    current_actor(settings, known)
    standing = known.objectives.standing()
    if as_json:
        print_json({"declared": standing is not None, "standing": standing})
        return
    if standing is None:
        click.echo("No objectives are declared on the default branch, or no worker has measured them yet.")
        return
    print_table(
        ("Objective", "Promised", "Left", "Bad", "Calls", "Burns"),
        (
            (
                budget.objective.measure.value,
                f"{100 * budget.objective.objective:g} % in {standing.slo.budget_days} d",
                budget.left_words + ("" if budget.judged else " (too few calls)"),
                f"{budget.bad:,}",
                f"{budget.calls:,}",
                _burns(budget),
            )
            for budget in standing.budgets
        ),
        "No objectives.",
    )
    click.echo(f"Measured {moment(standing.at)}, data until {moment(standing.data_until)}.")


def _burns(budget: Budget) -> str:
    """`fast 0.4x, slow 0.3x`: over the long window of each rule."""
    return ", ".join(f"{r.burn.name} {r.long:.1f}x" if r.long is not None else f"{r.burn.name} -" for r in budget.rates)
