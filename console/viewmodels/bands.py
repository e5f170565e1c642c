"""The bands of patients in rows: how many, what changes for a thousand like them, and whether that can be told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from backend.domain.comparison import BandShare, BandVerdict, PerThousand, Subgroups
from console.viewmodels.comparison import change, span
from console.viewmodels.state import BANDS, Pill

AXES = {"age": "Age", "pregnancies": "Pregnancies", "bmi": "BMI"}
FIRST = "age"
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Change:
    """Of missed patients or of false alarms; `change` and `interval` are – where nothing can be computed."""

    change: str
    interval: str
    verdict: Pill


@dataclass(frozen=True, slots=True)
class BandRow:
    band: str
    rows: str
    missed: Change
    false_alarms: Change


@dataclass(frozen=True, slots=True)
class AxisTable:
    title: str
    rows: tuple[BandRow, ...]


def axis_tables(subgroups: Subgroups) -> tuple[AxisTable, ...]:
    """One table an axis, age first; an axis that the evidence alone knows goes by its own name."""
    names = list(dict.fromkeys(band.axis for band in subgroups.bands))
    names.sort(key=lambda name: name != FIRST)
    return tuple(
        AxisTable(
            AXES.get(name, name.replace("_", " ").capitalize()),
            tuple(
                BandRow(
                    band=band.band,
                    rows=f"{band.rows:,}",
                    missed=_changed(band.missed, band.sensitivity),
                    false_alarms=_changed(band.false_alarms, band.specificity),
                )
                for band in subgroups.bands
                if band.axis == name
            ),
        )
        for name in names
    )


def tally(subgroups: Subgroups) -> str:
    """`24 looks: 20 pass, 1 inconclusive, 3 too few`."""
    found = Counter(share.verdict for band in subgroups.bands for share in (band.sensitivity, band.specificity))
    counted = ", ".join(
        f"{found[verdict]} {pill.text.removesuffix(' to judge')}" for verdict, pill in BANDS.items() if found[verdict]
    )
    return f"{subgroups.looks} looks: {counted}"


def rule(subgroups: Subgroups) -> str:
    """What a verdict means, and that the many looks are corrected."""
    return (
        f"Pass: a loss of {100 * subgroups.margin:.0f} points among the band's ill (missed) or well (false alarms) is"
        f" excluded. The intervals hold for all {subgroups.looks} looks together, {subgroups.confidence:.0%}"
        " by Bonferroni's correction."
    ).replace("%", " %")


def _changed(found: PerThousand | None, share: BandShare) -> Change:
    """Too few to judge shows no figure: it would be read as one."""
    verdict = BANDS[share.verdict]
    if found is None or share.verdict is BandVerdict.TOO_FEW:
        return Change(_NOTHING, _NOTHING, verdict)
    return Change(change(found.change), span(found.low, found.high), verdict)
