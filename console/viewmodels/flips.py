"""Who gets another answer than before, in rows for a reader: no one can be recognised by them."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.comparison import Comparison, Flip, Flips
from console.viewmodels.figures import signed

SHOWN = 20


@dataclass(frozen=True, slots=True)
class FlipRow:
    """`tone` says whether the new answer is the right one."""

    case: str
    ill: str
    answers: str
    risks: str
    change: str
    bands: str
    tone: str


def rows(comparison: Comparison) -> tuple[FlipRow, ...]:
    """The largest change of risk first."""
    flips = comparison.flips
    cut = comparison.challenger.threshold
    return tuple(_row(case, cut) for case in flips.cases[:SHOWN]) if flips and cut is not None else ()


def _row(case: Flip, cut: float) -> FlipRow:
    positive = case.challenger >= cut
    return FlipRow(
        case=f"#{case.case}",
        ill="ill" if case.ill else "well",
        answers="negative → positive" if positive else "positive → negative",
        risks=f"{case.champion:.2f} → {case.challenger:.2f}",
        change=signed(case.change, 2),
        bands=", ".join(case.bands),
        tone="good" if positive == case.ill else "bad",
    )


def tally(flips: Flips) -> str:
    """`600 of 3,000 patients get another answer, 20.0 %.`"""
    return f"{flips.count:,} of {flips.rows:,} patients get another answer, {100 * flips.count / flips.rows:.1f} %."


def counts(flips: Flips) -> tuple[tuple[str, int, str], ...]:
    """What the change means, how many, and its tone."""
    return (
        ("ill, now found", flips.rescued, "good"),
        ("ill, now missed", flips.lost, "bad"),
        ("well, now alarmed", flips.alarmed, "bad"),
        ("well, now cleared", flips.cleared, "good"),
    )
