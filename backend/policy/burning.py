"""What counted calls say about the objectives: burn rates, what is left of the budget, and the signals. Pure.

Source of the rule: Google, "The Site Reliability Workbook" (2018), chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from backend.domain.objectives import Budget, Burn, Counted, Measure, Objective, Rate, Slo, Standing
from backend.domain.signals import Signal, SignalState

SILENT = timedelta(minutes=30)
"""Log Analytics takes minutes to show a line; one that is half an hour old says nothing about now."""
BURN_RULES = {Measure.AVAILABILITY: "availability-burn", Measure.LATENCY: "latency-burn"}
BUDGET_RULE = "error-budget"
_CHARTS = {Measure.AVAILABILITY: "errors", Measure.LATENCY: "p95"}

Served = tuple[str, str]
"""The version and the promotion that serve; "" where nothing does."""


def standing_of(
    endpoint: str, slo: Slo, counted: Mapping[float, Counted], data_until: datetime | None, now: datetime
) -> Standing:
    """The objectives as `counted` by the seconds of each window, all of which end at `data_until`."""
    return Standing(
        endpoint=endpoint,
        slo=slo,
        budgets=tuple(_budget(slo, objective, counted) for objective in slo.objectives),
        at=now,
        data_until=data_until,
        stale=data_until is None or now - data_until > SILENT,
    )


def rate(objective: Objective, counted: Counted | None) -> float | None:
    """How many times as fast as evenly a window spent the budget; None where there was no call."""
    if counted is None or not counted.of(objective.measure):
        return None
    return counted.bad(objective.measure) / counted.of(objective.measure) / objective.allowed


def _budget(slo: Slo, objective: Objective, counted: Mapping[float, Counted]) -> Budget:
    whole = counted.get(timedelta(days=slo.budget_days).total_seconds())
    spent = rate(objective, whole)
    calls = whole.of(objective.measure) if whole else 0
    return Budget(
        objective=objective,
        calls=calls,
        bad=whole.bad(objective.measure) if whole else 0,
        left=None if spent is None else 1 - spent,
        judged=calls >= slo.least_calls,
        rates=tuple(_rate(objective, burn, counted) for burn in slo.burns),
    )


def _rate(objective: Objective, burn: Burn, counted: Mapping[float, Counted]) -> Rate:
    long, short = counted.get(60.0 * burn.long_minutes), counted.get(60.0 * burn.short_minutes)
    return Rate(
        burn=burn,
        long=rate(objective, long),
        short=rate(objective, short),
        calls=long.of(objective.measure) if long else 0,
    )


def signals(standing: Standing, served: Served) -> tuple[Signal, ...]:
    """One a burn rule and one a budget, of each objective."""
    found = []
    for budget in standing.budgets:
        found += [_of_rate(standing, budget.objective, one, served) for one in budget.rates]
        found.append(_of_budget(standing, budget, served))
    return tuple(found)


def _of_rate(standing: Standing, objective: Objective, rate: Rate, served: Served) -> Signal:
    burn, measure = rate.burn, objective.measure
    windows = f"{_stretch(burn.long_minutes)} and {_stretch(burn.short_minutes)}"
    if standing.stale or not rate.enough:
        state = SignalState.UNKNOWN
        words = _silence(standing) if standing.stale else f"{rate.calls:,} calls in {_stretch(burn.long_minutes)}, "
        words += "" if standing.stale else f"fewer than the {burn.least_calls:,} that the rule asks for."
    else:
        state = SignalState.FIRING if rate.firing else SignalState.QUIET
        words = (
            f"The {measure.value} budget is spent {rate.long:.1f} and {rate.short:.1f} times as fast as evenly over"
            f" {windows}; limit {burn.factor:g} in both, n {rate.calls:,}."
        )
    # Both windows have to be beyond the limit: the calmer of the two is what the rule rests on.
    value = min(rate.long, rate.short) if rate.long is not None and rate.short is not None else None
    return _signal(
        standing, served, BURN_RULES[measure], burn.name, state, value, burn.factor, "times", rate.calls, words,
        _chart(standing, measure, timedelta(minutes=burn.long_minutes)),
    )  # fmt: skip


def _of_budget(standing: Standing, budget: Budget, served: Served) -> Signal:
    measure, days = budget.objective.measure, standing.slo.budget_days
    if not budget.judged or budget.left is None:
        state = SignalState.UNKNOWN
        words = (
            f"{budget.calls:,} calls in {days} days, fewer than the {standing.slo.least_calls:,} that are asked for."
        )
    else:
        state = SignalState.FIRING if budget.spent else SignalState.QUIET
        left = f"{budget.left_words.capitalize()} of the {measure.value} budget of {days} days is left"
        promised = f"objective {100 * budget.objective.objective:g} %"
        words = f"{left}: {budget.bad:,} bad of {budget.calls:,} calls, {promised}."
    return _signal(
        standing, served, BUDGET_RULE, measure.value, state, budget.left, 0.0, "of the budget", budget.calls, words,
        _chart(standing, measure, timedelta(days=days)),
    )  # fmt: skip


def _signal(
    standing: Standing,
    served: Served,
    rule: str,
    subject: str,
    state: SignalState,
    value: float | None,
    limit: float,
    unit: str,
    n: int,
    words: str,
    chart: str,
) -> Signal:
    version, release = served
    return Signal(
        rule=rule, endpoint=standing.endpoint, subject=subject, state=state, value=value, limit=limit, unit=unit, n=n,
        version=version, release=release, chart=chart, words=words, at=standing.at,
    )  # fmt: skip


def _chart(standing: Standing, measure: Measure, window: timedelta) -> str:
    """The window that was judged, to the minute, on the chart that shows it."""
    end = standing.data_until or standing.at
    start = end - window
    return urlencode(
        {
            "endpoint": standing.endpoint,
            "from": f"{start:%Y-%m-%dT%H:%MZ}",
            "to": f"{end + timedelta(minutes=1):%Y-%m-%dT%H:%MZ}",
            "chart": _CHARTS[measure],
        }
    )


def _silence(standing: Standing) -> str:
    if standing.data_until is None:
        return "No call has been logged yet."
    return f"The newest line of the log is of {standing.data_until:%d %b %H:%M} UTC: nothing is known of now."


def _stretch(minutes: int) -> str:
    """`5 min`, `6 h`, `3 d`."""
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"
