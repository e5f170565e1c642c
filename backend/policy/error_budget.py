"""The error budget as a gate of promotion: spent, only the fix goes out. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from backend.domain.approvals import Override
from backend.domain.clock import stamp
from backend.domain.decisions import Blocker
from backend.domain.gates import Finding, FindingState, GateRule
from backend.domain.objectives import Budget, Standing
from backend.domain.people import Right, who_may

GATE = "error_budget"
OLD = timedelta(minutes=30)
"""What was measured longer ago stops nobody: a broken monitor must not keep a fix from going out."""


def budget_finding(standing: Standing | None, now: datetime) -> Finding | None:
    """The strip's word about the budgets; None where no objectives are declared.

    Only a budget that is known to be spent carries a rule, and so stops anything.
    """
    if standing is None:
        return None
    said = " ".join(_sentence(standing, budget) for budget in standing.budgets)
    if now - standing.at > OLD:
        return _finding(FindingState.STALE, f"Last measured {stamp(standing.at)}. {said}")
    if standing.spent:
        slo = standing.slo
        state = FindingState.FAIL if slo.hard else FindingState.ADVISORY
        rule = GateRule(name=GATE, hard=True, limit=None, reason=slo.reason) if slo.hard else None
        return _finding(state, said, rule)
    judged = all(budget.judged for budget in standing.budgets)
    return _finding(FindingState.PASS if judged else FindingState.NOT_RUN, said)


def of_budget(found: Finding | None, override: Override | None) -> tuple[Blocker, ...]:
    """The blocker of a spent budget; gone past for a while where two people broke the glass for the fix."""
    if found is None or found.rule is None:
        return ()
    if override is not None and GATE in override.gates:
        by = f"{override.asked_by} and {override.confirmed_by}"
        past = f"BREAK-GLASS until {stamp(override.ends_at)} by {by}: {override.reason} {found.sentence}"
        return (Blocker(what=found.title, why=past, who="nobody has to now", hard=False, overridden=True),)
    lead = who_may(Right.APPROVE)
    who = f"{who_may(Right.CONTROL)}, by ending what spends it; two who may {Right.APPROVE.value} ({lead}) for the fix"
    return (Blocker(what=found.title, why=found.sentence, who=who, because=found.rule.reason),)


def _sentence(standing: Standing, budget: Budget) -> str:
    name, days = budget.objective.measure.value.capitalize(), standing.slo.budget_days
    promised = f"objective {100 * budget.objective.objective:g} % over {days} days"
    if budget.left is None:
        return f"{name}: no call yet, {promised}."
    few = "" if budget.judged else f", too few to judge (of {standing.slo.least_calls:,})"
    return f"{name}: {budget.left_words} of the error budget left, n {budget.calls:,}{few}, {promised}."


def _finding(state: FindingState, sentence: str, rule: GateRule | None = None) -> Finding:
    return Finding(gate=GATE, group="Health", state=state, sentence=sentence, rule=rule)
