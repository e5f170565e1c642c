"""A threshold as a choice: what each one would do to a thousand patients, against what serves now."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.comparison import Comparison, ThresholdPoint
from backend.domain.decisions import Dossier
from console.viewmodels.comparison import change, span
from console.viewmodels.series import Chart, Series


@dataclass(frozen=True, slots=True)
class Consequence:
    """Two headlines with their intervals, and what the model then finds and clears."""

    missed: str
    missed_said: str
    false_alarms: str
    false_said: str
    shares: str


def choices(comparison: Comparison) -> tuple[float, ...]:
    """The thresholds that the evidence speaks about."""
    return tuple(point.threshold for point in comparison.sweep)


def nearest(comparison: Comparison, threshold: float) -> float:
    return min(choices(comparison), key=lambda known: abs(known - threshold))


def at(comparison: Comparison, threshold: float) -> ThresholdPoint:
    return next(point for point in comparison.sweep if point.threshold == threshold)


def consequence(point: ThresholdPoint) -> Consequence:
    """What this threshold changes for 1,000 patients against what serves now."""
    missed, alarms = point.missed, point.false_alarms
    return Consequence(
        missed=change(missed.change, "missed"),
        missed_said=f"{missed.champion:.0f} → {missed.challenger:.0f} (95 % {span(missed.low, missed.high)})",
        false_alarms=change(alarms.change, "false alarms"),
        false_said=f"{alarms.champion:.0f} → {alarms.challenger:.0f} (95 % {span(alarms.low, alarms.high)})",
        shares=f"sensitivity {100 * point.sensitivity:.1f} %, specificity {100 * point.specificity:.1f} %",
    )


def chart(comparison: Comparison) -> Chart:
    """Missed and false alarms per 1,000 over the threshold."""
    points = comparison.sweep
    x = tuple(point.threshold for point in points)
    return Chart(
        name=f"threshold {comparison.challenger.version}",
        series=(
            Series("Missed", x, tuple(p.missed.challenger for p in points)),
            Series("False alarms", x, tuple(p.false_alarms.challenger for p in points), style=1),
        ),
        unit="per 1,000",
        x_title="threshold",
        height=190,
        over_time=False,
    )


def where_it_stands(dossier: Dossier) -> str:
    """`Training proposed 0.50; tested at 0.29.`"""
    return f"Training proposed {dossier.proposed_threshold:g}; tested at {dossier.version.threshold:g}."


def champion(comparison: Comparison) -> str:
    """`v1 at 0.5`: what it was compared with, which need not serve any more."""
    then = comparison.champion.threshold
    return f"v{comparison.champion.version}" + (f" at {then:g}" if then is not None else "")
