"""Whether a challenger that is good on average is paid for by a band of patients."""

from __future__ import annotations

from backend.domain.comparison import Band, BandShare, BandVerdict, Subgroups
from backend.domain.quality import Estimate
from backend.policy.consequence import PATIENTS, per_thousand
from backend.policy.holdout import Axis, Holdout
from backend.policy.margins import CONFIDENCE, SUBGROUP_MARGIN
from backend.policy.paired import Bools
from backend.policy.proportions import PairedShare, paired_share, rows_needed

SHARES = 2
"""Sensitivity and specificity of each band are looks of their own."""


def subgroups(
    holdout: Holdout, champion: Bools, challenger: Bools, margin: float = SUBGROUP_MARGIN
) -> Subgroups | None:
    """Judge each band of each axis; `champion` and `challenger` say which rows each model calls positive.

    `margin` is the loss that has to be excluded.

    Non-inferiority by the interval of the paired difference, which Bonferroni's correction widens for all looks at
    once: O. J. Dunn, "Multiple comparisons among means", JASA 56 (1961) 52-64. Holm's steps would reject a little
    more, but have no intervals that agree with them. The looks are counted before the data are seen, so empty bands
    count too. None where the evidence has no bands.
    """
    looks = SHARES * sum(len(axis.labels) for axis in holdout.axes)
    if not looks:
        return None
    corrected = 1 - (1 - CONFIDENCE) / looks
    right = (champion == holdout.ill, challenger == holdout.ill)
    return Subgroups(
        margin=margin,
        looks=looks,
        confidence=CONFIDENCE,
        bands=tuple(
            _band(holdout, right, axis, code, corrected, margin)
            for axis in holdout.axes
            for code in range(len(axis.labels))
        ),
    )


def subgroup_rule(found: Subgroups) -> str:
    """How the bands were judged, for whoever reads the verdicts."""
    return (
        f"A band passes where a loss of {100 * found.margin:.0f} points of sensitivity and of specificity is excluded; "
        f"intervals hold for all {found.looks} looks together ({100 * found.confidence:.0f} %, Bonferroni)."
    )


def _band(
    holdout: Holdout, right: tuple[Bools, Bools], axis: Axis, code: int, confidence: float, margin: float
) -> Band:
    inside = axis.codes == code
    rows, positives = int(inside.sum()), int((inside & holdout.ill).sum())
    ill, well = (_share(holdout, right, inside & of_class) for of_class in (holdout.ill, ~holdout.ill))
    ill_of_thousand = PATIENTS * positives / rows if rows else 0.0
    return Band(
        axis=axis.name,
        band=axis.labels[code],
        rows=rows,
        positives=positives,
        sensitivity=_judged(ill, confidence, margin),
        specificity=_judged(well, confidence, margin),
        missed=per_thousand(ill, ill_of_thousand, confidence) if ill else None,
        false_alarms=per_thousand(well, PATIENTS - ill_of_thousand, confidence) if well else None,
    )


def _share(holdout: Holdout, right: tuple[Bools, Bools], rows: Bools) -> PairedShare | None:
    return paired_share(right[0][rows], right[1][rows], holdout.groups[rows]) if rows.any() else None


def _judged(share: PairedShare | None, confidence: float, margin: float) -> BandShare:
    if share is None:
        return BandShare(rows=0, verdict=BandVerdict.TOO_FEW)
    low, high = share.interval(confidence)
    return BandShare(
        rows=share.rows,
        verdict=band_verdict(share.rows / share.inflation, low, high, confidence, margin),
        champion=_rate(share.champion, share.champion_interval(CONFIDENCE)),
        challenger=_rate(share.challenger, share.challenger_interval(CONFIDENCE)),
        difference=share.difference,
        low=low,
        high=high,
    )


def band_verdict(
    rows: float, low: float, high: float, confidence: float, margin: float = SUBGROUP_MARGIN
) -> BandVerdict:
    """Worse: a loss is shown, and one of the margin is not excluded. Pass: a loss of the margin is excluded.

    Too few to judge: on so few rows that interval could not exclude the margin even where no answer differs. It is
    never a pass, whatever the rows say. `low` and `high` bound the difference at `confidence`, already corrected.
    """
    if high < 0 and low <= -margin:
        return BandVerdict.WORSE
    if rows < rows_needed(margin, confidence):
        return BandVerdict.TOO_FEW
    return BandVerdict.PASS if low > -margin else BandVerdict.INCONCLUSIVE


def _rate(value: float, interval: tuple[float, float]) -> Estimate:
    return Estimate(value=value, low=interval[0], high=interval[1])
