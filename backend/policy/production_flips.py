"""Whose answer a version changes among what production was asked: counted, largest change of risk first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backend.domain.production_flips import Answers, CollectedRow, ProductionFlip, ProductionFlips

MOST_ROWS = 500
WITHIN_DAYS = 7
"""What is replayed: the newest rows of the last days, so that the share speaks of today's patients."""

FEWEST = 100
"""Rows below which a share of a few percent says nothing."""

MOST_CASES = 60
"""Kept with the evidence, as of the holdout."""


def answered(rows: Sequence[CollectedRow], again: Iterable[tuple[float, str]]) -> tuple[Answers, ...]:
    """The recorded answer of each row beside the new one, which is a risk and a decision."""
    return tuple(
        Answers(
            champion=row.probability, was_positive=row.positive, challenger=risk, is_positive=decision == "positive"
        )
        for row, (risk, decision) in zip(rows, again, strict=True)
    )


def flipped(answers: Sequence[Answers]) -> tuple[int, ...]:
    """Places of the rows whose answer changes: the largest change of risk first, ties in the order of the rows."""
    found = [place for place, one in enumerate(answers) if one.was_positive != one.is_positive]
    return tuple(sorted(found, key=lambda place: (-abs(answers[place].challenger - answers[place].champion), place)))


def cases(rows: Sequence[CollectedRow], answers: Sequence[Answers]) -> tuple[ProductionFlip, ...]:
    """The MOST_CASES largest changes with the bands they lie in."""
    return tuple(
        ProductionFlip(
            champion=answers[place].champion,
            challenger=answers[place].challenger,
            positive=answers[place].is_positive,
            bands=rows[place].bands,
        )
        for place in flipped(answers)[:MOST_CASES]
    )


def turned(answers: Sequence[Answers]) -> tuple[int, int]:
    """How many became positive, and how many negative."""
    changed = [answers[place].is_positive for place in flipped(answers)]
    return sum(changed), len(changed) - sum(changed)


def recounted(found: ProductionFlips) -> ProductionFlips:
    """The same quotation with everything that was counted counted anew; bands alone cannot be, and stay."""
    bands = [case.bands for case in found.cases]
    places = flipped(found.answers)[:MOST_CASES]
    again = tuple(
        ProductionFlip(
            champion=found.answers[place].champion,
            challenger=found.answers[place].challenger,
            positive=found.answers[place].is_positive,
            bands=of,
        )
        for place, of in zip(places, bands, strict=False)
    )
    positive, negative = turned(found.answers)
    counted = {"rows": len(found.answers), "turned_positive": positive, "turned_negative": negative, "cases": again}
    return found.model_copy(update=counted)
