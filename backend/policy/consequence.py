"""What a change of sensitivity and specificity does to a thousand patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.domain.comparison import Consequence, PerThousand
from backend.policy.margins import CONFIDENCE

if TYPE_CHECKING:
    from backend.policy.proportions import PairedShare

PATIENTS = 1000


def consequence(sensitivity: PairedShare, specificity: PairedShare) -> Consequence:
    """Missed and false alarms of both models, scaled to the holdout's prevalence.

    A linear map of the two paired differences, so their intervals carry over with the ends exchanged. The prevalence
    counts as known: its own uncertainty is common to both models and would only blur what the models differ in.
    """
    prevalence = sensitivity.rows / (sensitivity.rows + specificity.rows)
    return Consequence(
        prevalence=prevalence,
        missed=per_thousand(sensitivity, PATIENTS * prevalence, CONFIDENCE),
        false_alarms=per_thousand(specificity, PATIENTS * (1 - prevalence), CONFIDENCE),
        confidence=CONFIDENCE,
    )


def consequence_lines(found: Consequence) -> tuple[str, str]:
    """`Missed per 1,000 patients, 34.5 % of them ill: 131.3 -> 42.3, change -89.0 (95 % -99.9 to -78.3)`; alarms."""
    level = f"{100 * found.confidence:.0f} %"
    return (
        f"Missed per {PATIENTS:,} patients, {100 * found.prevalence:.1f} % of them ill: {_change(found.missed, level)}",
        f"False alarms per {PATIENTS:,} patients: {_change(found.false_alarms, level)}",
    )


def _change(of: PerThousand, level: str) -> str:
    values = f"{of.champion:.1f} -> {of.challenger:.1f}, change {of.change:+.1f}"
    return f"{values} ({level} {of.low:+.1f} to {of.high:+.1f})"


def per_thousand(share: PairedShare, of_thousand: float, confidence: float) -> PerThousand:
    """Wrong answers among the `of_thousand` patients whom the share speaks of."""
    low, high = share.interval(confidence)
    # Adding 0 turns a negative zero, which a page would print with its sign, into a plain one.
    return PerThousand(
        champion=of_thousand * (1 - share.champion),
        challenger=of_thousand * (1 - share.challenger),
        change=-of_thousand * share.difference + 0.0,
        low=-of_thousand * high + 0.0,
        high=-of_thousand * low + 0.0,
    )
