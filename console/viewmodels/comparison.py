"""Champion against challenger in rows, and what the difference means for a thousand patients."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.comparison import METRIC_NAMES, Comparison, Difference, PerThousand, Verdict
from console.viewmodels.figures import interval, metric, signed
from console.viewmodels.state import VERDICTS, Pill

_FIRST = tuple(METRIC_NAMES)
_SHORT = {"calibration_slope": "Calibr. slope", "calibration_intercept": "Calibr. intercept"}
"""Where the whole name leaves no room for the interval."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """`interval` and `verdict` only where a paired interval was computed."""

    name: str
    champion: str
    challenger: str
    difference: str
    interval: str
    verdict: Pill | None


@dataclass(frozen=True, slots=True)
class Patients:
    """Per thousand patients at each model's own threshold, from the holdout.

    `missed_interval` and `false_interval` are "" in comparisons made before they were computed.
    """

    missed: str
    false_alarms: str
    missed_interval: str
    false_interval: str
    missed_now: str
    missed_next: str
    false_now: str
    false_next: str


def metric_rows(comparison: Comparison) -> tuple[MetricRow, ...]:
    """Every paired difference; what was only put side by side belongs to comparisons without a consequence."""
    rows = [_paired(difference) for difference in comparison.differences]
    if comparison.consequence is not None:
        return tuple(rows)
    paired = {difference.metric for difference in comparison.differences}
    champion, challenger = _sides(comparison)
    shared = sorted((champion.keys() & challenger.keys()) - paired, key=_order)
    rows += [_plain(name, champion[name], challenger[name]) for name in shared if name in METRIC_NAMES]
    return tuple(rows)


def patients(comparison: Comparison) -> Patients | None:
    """None where either side's sensitivity or specificity was not recorded."""
    if comparison.consequence is not None:
        return _patients(comparison.consequence.missed, comparison.consequence.false_alarms)
    champion, challenger = _sides(comparison)
    if not all({"sensitivity", "specificity"} <= side.keys() for side in (champion, challenger)) or not comparison.rows:
        return None
    ill = 1000 * comparison.positives / comparison.rows
    well = 1000 - ill
    missed_now, missed_next = (ill * (1 - side["sensitivity"]) for side in (champion, challenger))
    false_now, false_next = (well * (1 - side["specificity"]) for side in (champion, challenger))
    return Patients(
        missed=change(missed_next - missed_now, "missed"),
        false_alarms=change(false_next - false_now, "false alarms"),
        missed_interval="",
        false_interval="",
        missed_now=f"{missed_now:.0f}",
        missed_next=f"{missed_next:.0f}",
        false_now=f"{false_now:.0f}",
        false_next=f"{false_next:.0f}",
    )


def _patients(missed: PerThousand, alarms: PerThousand) -> Patients:
    return Patients(
        missed=change(missed.change, "missed"),
        false_alarms=change(alarms.change, "false alarms"),
        missed_interval=f"95 % {span(missed.low, missed.high)}",
        false_interval=f"95 % {span(alarms.low, alarms.high)}",
        missed_now=f"{missed.champion:.0f}",
        missed_next=f"{missed.challenger:.0f}",
        false_now=f"{alarms.champion:.0f}",
        false_next=f"{alarms.challenger:.0f}",
    )


def for_patients(comparison: Comparison) -> str:
    """`Per 1,000 patients 75 fewer missed (95 % 58–92), 90 more false alarms (95 % 71–109).`; "" where not computed."""
    view = patients(comparison)
    if view is None or not view.missed_interval:
        return ""
    missed, alarms = f"{view.missed} ({view.missed_interval})", f"{view.false_alarms} ({view.false_interval})"
    return f"Per 1,000 patients {missed}, {alarms}."


def sentence(comparison: Comparison) -> str:
    """`AUC 0.848 → 0.988: better, difference +0.140, 95 % interval [0.131, 0.149].`"""
    if not comparison.differences:
        return "No difference was computed."
    d = comparison.differences[0]
    name = METRIC_NAMES.get(d.metric, d.metric)
    return (
        f"{name} {metric(d.champion)} → {metric(d.challenger)}: {d.verdict.value}, difference {_signed(d)},"
        f" {d.confidence:.0%} interval {_interval(d)}."
    ).replace("% interval", " % interval")


def holdout(comparison: Comparison, *, ill: bool = True) -> str:
    """Name and size; `ill` says how many have the outcome, where there is room."""
    positives = f" {comparison.positives:,} ill," if ill else ""
    return (
        f"{comparison.data_asset}, {comparison.rows:,} rows,{positives}"
        f" patients in both sides: {comparison.shared_groups}"
    )


def verdict(comparison: Comparison | None) -> Verdict | None:
    return comparison.differences[0].verdict if comparison and comparison.differences else None


def _paired(d: Difference) -> MetricRow:
    name = _SHORT.get(d.metric) or METRIC_NAMES.get(d.metric, d.metric)
    return MetricRow(name, metric(d.champion), metric(d.challenger), _signed(d), _interval(d), VERDICTS[d.verdict])


def _plain(name: str, champion: float, challenger: float) -> MetricRow:
    return MetricRow(METRIC_NAMES[name], metric(champion), metric(challenger), signed(challenger - champion), "–", None)


def _digits(d: Difference) -> int:
    """Enough decimals that a tiny difference does not read as none."""
    return 3 if max(abs(d.difference), abs(d.low), abs(d.high)) >= 0.0005 else 6


def _signed(d: Difference) -> str:
    return signed(d.difference, _digits(d))


def _interval(d: Difference) -> str:
    return interval(d.low, d.high, _digits(d))


def _sides(comparison: Comparison) -> tuple[dict[str, float], dict[str, float]]:
    return comparison.figures.get("champion", {}), comparison.figures.get("challenger", {})


def _order(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def change(difference: float, what: str = "") -> str:
    """`75 fewer missed`, `as many missed`."""
    rounded = round(difference)
    said = "as many" if rounded == 0 else f"{abs(rounded)} {'fewer' if rounded < 0 else 'more'}"
    return f"{said} {what}".rstrip()


def span(low: float, high: float) -> str:
    """`58–92` where the direction is sure and the change says which; `−12 to +8` where it is not."""
    ends = round(low), round(high)
    if ends[0] < 0 < ends[1]:
        return f"{signed(ends[0], 0)} to {signed(ends[1], 0)}"
    return "–".join(str(abs(end)) for end in (reversed(ends) if ends[0] < 0 else ends))
