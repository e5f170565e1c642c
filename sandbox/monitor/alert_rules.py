"""Metric alert rules: what one asks of its metrics, and when it fired and was resolved, judged from their past.

Every `evaluationFrequency` Azure looks at the last `windowSize` of each time series of a rule. It fires at the first
look that meets the condition and is resolved at the third in a row that does not. With `autoMitigate` off each look
that meets it fires anew, and nothing is resolved (Azure Monitor, "Troubleshoot metric alerts"). A window in which
nothing was measured meets no condition.
"""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from sandbox.monitor.metrics import AGGREGATIONS, INTERVALS, METRICS, Metric
from sandbox.state.documents import Document

CRITERIA = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
FREQUENCIES = ("PT1M", "PT5M", "PT15M", "PT30M", "PT1H")
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}
CALM_LOOKS = 3
KEPT = timedelta(days=30)
"""How long Azure keeps an alert."""


class UnjudgedError(Exception):
    """The rule asks for what is not judged here; the message says what."""


class Minute(NamedTuple):
    """What was measured of one time series in one minute."""

    total: float
    samples: int
    least: float
    most: float


Series = Mapping[int, Minute]
"""By minute since the epoch; a minute without a measurement is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """`dimensions` by name, each with the values that are watched, `*` for all; a series for each combination."""

    metric: str
    namespace: str
    rate: bool
    dimensions: Mapping[str, Sequence[str]]
    aggregation: str
    meets: Callable[[float, float], bool]
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`window` and `every` in minutes. `written` is when it was last written: what it asked before is not known."""

    id: str
    name: str
    scope: str
    severity: int
    description: str
    enabled: bool
    resolves: bool
    window: int
    every: int
    criteria: Sequence[Criterion]
    written: datetime

    def judged_from(self, now: datetime) -> datetime:
        return max(self.written, now - KEPT)


@dataclass(frozen=True, slots=True)
class Fired:
    """One alert: when its rule fired, and when it was resolved (None: it has not been)."""

    since: datetime
    resolved: datetime | None = None


def read_rule(resource: Document) -> Rule:
    """The rule that a stored or a sent resource is. Raises UnjudgedError."""
    properties = resource["properties"]
    criteria = properties.get("criteria") or {}
    if criteria.get("odata.type") != CRITERIA or not criteria.get("allOf"):
        raise UnjudgedError(f"The sandbox has alert rules of {CRITERIA} only.")
    window, every = str(properties.get("windowSize")), str(properties.get("evaluationFrequency"))
    if window not in INTERVALS or every not in FREQUENCIES:
        raise UnjudgedError("windowSize or evaluationFrequency is not one that is supported.")
    scopes = properties.get("scopes") or []
    if len(scopes) != 1:
        raise UnjudgedError("The sandbox judges rules of one resource: name one scope.")
    found = [_criterion(one) for one in criteria["allOf"]]
    if len(found) > 1 and any(len(v) > 1 or "*" in v for one in found for v in one.dimensions.values()):
        raise UnjudgedError("With several conditions a dimension has one value in each.")
    return Rule(
        id=str(resource.get("id", "")),
        name=str(resource.get("name", "")),
        scope=str(scopes[0]),
        severity=int(properties.get("severity", 3)),
        description=str(properties.get("description") or ""),
        enabled=properties.get("enabled") is not False,
        resolves=properties.get("autoMitigate") is not False,
        window=INTERVALS[window],
        every=INTERVALS[every],
        criteria=found,
        written=datetime.fromisoformat((resource.get("systemData") or {}).get("lastModifiedAt", "1970-01-01T00:00Z")),
    )


def _criterion(one: Document) -> Criterion:
    kind, namespace, metric = one.get("criterionType"), str(one.get("metricNamespace")), str(one.get("metricName"))
    if kind not in {None, "StaticThresholdCriterion"}:
        raise UnjudgedError(f"The sandbox judges fixed thresholds only, not {kind}.")
    offered = METRICS.get(namespace.lower(), {})
    if metric not in offered:
        raise UnjudgedError(f"Failed to find metric {metric} in the namespace {namespace}.")
    aggregation, compared = one.get("timeAggregation"), str(one.get("operator"))
    if aggregation not in AGGREGATIONS or compared not in OPERATORS:
        raise UnjudgedError(f"{aggregation} or {compared} is no time aggregation or operator of a fixed threshold.")
    try:
        threshold = float(one["threshold"])
    except (KeyError, TypeError, ValueError) as error:
        raise UnjudgedError("A condition needs a threshold that is a number.") from error
    return Criterion(
        metric=metric,
        namespace=namespace,
        rate=offered[metric].rate,
        dimensions=_dimensions(offered[metric], one.get("dimensions") or []),
        aggregation=aggregation,
        meets=OPERATORS[compared],
        threshold=threshold,
    )


def _dimensions(metric: Metric, asked: Sequence[Document]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in asked:
        if one.get("operator") != "Include" or not one.get("values"):
            raise UnjudgedError("The sandbox judges dimensions with values to include only.")
        if str(one.get("name")).lower() not in {name.lower() for name in metric.dimensions}:
            raise UnjudgedError(f"The metric has no dimension {one.get('name')}.")
        found[str(one["name"])] = [str(value) for value in one["values"]]
    return found


def judged(rule: Rule, series: Sequence[Series], now: datetime) -> list[Fired]:
    """The alerts of one time series that are still kept, oldest first; `series` has one for each criterion."""
    if not rule.enabled:
        return []
    looks = _looks(rule, now)
    met = [True] * len(looks)
    for criterion, minutes in zip(rule.criteria, series, strict=True):
        values = _values(criterion, minutes, rule.window, looks)
        met = [so and value is not None and criterion.meets(value, criterion.threshold)
               for so, value in zip(met, values, strict=True)]  # fmt: skip
    told = zip((datetime.fromtimestamp(60 * look, UTC) for look in looks), met, strict=True)
    return list(_stretches(told)) if rule.resolves else [Fired(at) for at, so in told if so]


def _looks(rule: Rule, now: datetime) -> range:
    """The minutes at which the rule was looked at: whole multiples of how often it is."""
    before, last = (int(at.timestamp()) // 60 // rule.every for at in (rule.judged_from(now), now))
    return range((before + 1) * rule.every, (last + 1) * rule.every, rule.every)


def _values(criterion: Criterion, minutes: Series, window: int, looks: Iterable[int]) -> list[float | None]:
    """The aggregation of the window before each look; None where nothing was measured in it."""
    known = sorted(minutes)
    totals = [0.0, *accumulate(minutes[at].total for at in known)]
    counts = [0, *accumulate(minutes[at].samples for at in known)]
    found: list[float | None] = []
    for look in looks:
        low, high = bisect_left(known, look - window), bisect_left(known, look)
        if low == high:
            found.append(None)
            continue
        total, count = totals[high] - totals[low], counts[high] - counts[low]
        match criterion.aggregation:
            case "Average":
                found.append(total / (window if criterion.rate else count))
            case "Total":
                found.append(total)
            case "Count":
                found.append(float(count))
            case "Minimum":
                found.append(min(minutes[at].least for at in known[low:high]))
            case _:
                found.append(max(minutes[at].most for at in known[low:high]))
    return found


def _stretches(looks: Iterable[tuple[datetime, bool]]) -> Iterable[Fired]:
    since, calm = None, 0
    for at, met in looks:
        if met:
            since, calm = since or at, 0
        elif since is not None:
            calm += 1
            if calm == CALM_LOOKS:
                yield Fired(since, at)
                since = None
    if since is not None:
        yield Fired(since)
