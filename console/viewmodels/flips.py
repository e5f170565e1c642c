"""Who gets another answer than before, in rows for a reader: no one can be recognised by them.

On the holdout the outcome is known; of what production was asked it is not, and nothing pretends it were.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.comparison import Comparison, Flip, Flips
from backend.domain.decisions import Dossier
from backend.domain.production_flips import ProductionFlip, ProductionFlips
from console.viewmodels.figures import signed

SHOWN = 20
ANSWERS = {True: "negative → positive", False: "positive → negative"}


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
        answers=ANSWERS[positive],
        risks=f"{case.champion:.2f} → {case.challenger:.2f}",
        change=signed(case.change, 2),
        bands=", ".join(case.bands),
        tone="good" if positive == case.ill else "bad",
    )


@dataclass(frozen=True, slots=True)
class AskedRow:
    """A collected input whose answer changes."""

    answers: str
    risks: str
    change: str
    bands: str


def production(dossier: Dossier) -> ProductionFlips | None:
    """The newest replay of production's inputs for this version's digest, whatever served then."""
    about = (e.production_flips for e in dossier.evidence if e.model_digest == dossier.version.digest)
    return next((found for found in about if found is not None), None)


def asked_rows(found: ProductionFlips) -> tuple[AskedRow, ...]:
    """The largest change of risk first."""
    return tuple(_asked_row(case) for case in found.cases[:SHOWN])


def _asked_row(case: ProductionFlip) -> AskedRow:
    return AskedRow(
        answers=ANSWERS[case.positive],
        risks=f"{case.champion:.2f} → {case.challenger:.2f}",
        change=signed(case.change, 2),
        bands=", ".join(case.bands),
    )


def asked_tally(found: ProductionFlips) -> str:
    """`12 of 500 inputs that v1 answered between 20 Nov 08:00 and 26 Nov 14:05 UTC get another answer, 2.4 %.`"""
    if found.problem:
        return f"Production's inputs were not replayed: {found.problem}"
    if not found.rows or found.oldest is None or found.newest is None:
        return f"No input of {found.deployment} was collected in the days before the test."
    between = f"between {found.oldest:%d %b %H:%M} and {found.newest:%d %b %H:%M} UTC"
    asked = f"{found.count:,} of {found.rows:,} inputs that v{found.champion.version} answered {between}"
    return f"{asked} get another answer, {100 * found.share:.1f} %."


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
