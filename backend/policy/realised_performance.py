"""What became of the answers, once labels have come. Pure.

Differences from the holdout are of independent proportions, with Newcombe's hybrid score interval: R. G. Newcombe,
"Interval estimation for the difference between independent proportions", Statistics in Medicine 17 (1998) 873-890,
method 10. A figure is out of band where the interval of one test excludes that it is as good as on the holdout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import sqrt

import numpy as np

from backend.domain.behaviour import BandOutcome, CalibrationPeriod, Labels, Outcome, RealisedFigure, Standing
from backend.domain.quality import Estimate, HoldoutFigures
from backend.policy.paired import quantile
from backend.policy.proportions import wilson_interval

FEWEST = 30
"""Of a class: below it no verdict about a share of it is given."""
CONFIDENCE = 0.95
PERIODS = 8


def realised(outcomes: Sequence[Outcome], holdout: HoldoutFigures | None, sure: float) -> tuple[RealisedFigure, ...]:
    """Sensitivity, specificity, and how many more are ill than was said, each beside the holdout."""
    ill = [one.positive for one in outcomes if one.ill]
    well = [not one.positive for one in outcomes if not one.ill]
    return (
        _share("sensitivity", ill, _known(holdout, holdout.positives if holdout else 0, "sensitivity"), sure),
        _share(
            "specificity",
            well,
            _known(holdout, holdout.rows - holdout.positives if holdout else 0, "specificity"),
            sure,
        ),
        _excess(outcomes, sure),
    )


def _known(holdout: HoldoutFigures | None, of: int, metric: str) -> tuple[float, int] | None:
    return None if holdout is None or not of else (getattr(holdout, metric).value, of)


def _share(metric: str, right: Sequence[bool], known: tuple[float, int] | None, sure: float) -> RealisedFigure:
    n = len(right)
    value = sum(right) / n if n else None
    low, high = wilson_interval(value, n, CONFIDENCE) if value is not None else (None, None)
    difference: tuple[float | None, float | None] = (None, None)
    standing = Standing.TOO_LITTLE
    if value is not None and known is not None and n >= FEWEST:
        difference = newcombe(value, n, known[0], known[1], 2 * sure - 1)
        standing = Standing.OUT if difference[1] is not None and difference[1] < 0 else Standing.IN_BAND
    return RealisedFigure(
        metric=metric,
        n=n,
        value=value,
        low=low,
        high=high,
        reference=known[0] if known else None,
        difference_low=difference[0],
        difference_high=difference[1],
        standing=standing,
    )


def newcombe(one: float, n: int, other: float, m: int, confidence: float) -> tuple[float, float]:
    """The interval of `one` - `other`, shares of n and of m independent rows."""
    low, high = wilson_interval(one, n, confidence)
    below, above = wilson_interval(other, m, confidence)
    difference = one - other
    return (
        difference - sqrt((one - low) ** 2 + (above - other) ** 2),
        difference + sqrt((high - one) ** 2 + (other - below) ** 2),
    )


def _excess(outcomes: Sequence[Outcome], sure: float) -> RealisedFigure:
    """The share that was ill less the mean risk that was said: calibration in the large, of variance sum p(1-p)/n²."""
    n = len(outcomes)
    if not n:
        return RealisedFigure(
            metric="ill beyond what was said", n=0, value=None, low=None, high=None, reference=0.0, difference_low=None,
            difference_high=None, standing=Standing.TOO_LITTLE,
        )  # fmt: skip
    risks = np.array([one.probability for one in outcomes])
    value = float(np.mean([one.ill for one in outcomes]) - risks.mean())
    error = float(np.sqrt((risks * (1 - risks)).sum())) / n
    usual, strict = quantile(CONFIDENCE) * error, quantile(sure) * error
    enough = n >= FEWEST
    beyond = Standing.OUT if abs(value) > strict else Standing.IN_BAND
    return RealisedFigure(
        metric="ill beyond what was said",
        n=n,
        value=value,
        low=value - usual,
        high=value + usual,
        reference=0.0,
        difference_low=value - strict if enough else None,
        difference_high=value + strict if enough else None,
        standing=beyond if enough else Standing.TOO_LITTLE,
    )


def by_band(outcomes: Sequence[Outcome]) -> tuple[BandOutcome, ...]:
    """Every band that occurs, by name: how often its ill and its well were answered rightly."""
    names = sorted({band for one in outcomes for band in one.bands})
    return tuple(_band(name, [one for one in outcomes if name in one.bands]) for name in names)


def _band(name: str, of: Sequence[Outcome]) -> BandOutcome:
    axis, _, band = name.partition(" ")
    return BandOutcome(
        axis=axis,
        band=band,
        n=len(of),
        positives=sum(one.ill for one in of),
        sensitivity=_estimate([one.positive for one in of if one.ill]),
        specificity=_estimate([not one.positive for one in of if not one.ill]),
    )


def _estimate(right: Sequence[bool]) -> Estimate | None:
    if not right:
        return None
    share = sum(right) / len(right)
    low, high = wilson_interval(share, len(right), CONFIDENCE)
    return Estimate(value=share, low=low, high=high)


def calibration(outcomes: Sequence[Outcome]) -> tuple[CalibrationPeriod, ...]:
    """Up to PERIODS equal stretches of time from the first answer with a label to the last; empty ones are left out."""
    if not outcomes:
        return ()
    first, last = min(one.at for one in outcomes), max(one.at for one in outcomes)
    width = max((last - first) / PERIODS, timedelta(seconds=1))
    stretches: dict[int, list[Outcome]] = {}
    for one in outcomes:
        stretches.setdefault(min(int((one.at - first) / width), PERIODS - 1), []).append(one)
    return tuple(_period(first + width * place, width, of) for place, of in sorted(stretches.items()))


def _period(start: datetime, width: timedelta, of: Sequence[Outcome]) -> CalibrationPeriod:
    seen = sum(one.ill for one in of) / len(of)
    low, high = wilson_interval(seen, len(of), CONFIDENCE)
    said = sum(one.probability for one in of) / len(of)
    return CalibrationPeriod(start=start, end=start + width, n=len(of), said=said, seen=seen, low=low, high=high)


def reach(outcomes: Sequence[Outcome], answered: int, unmatched: int, pending: int) -> Labels:
    """How far the labels reach, of `answered` rows that may have one."""
    delays = sorted(_hours(outcomes))
    return Labels(
        answered=answered,
        labelled=len(outcomes),
        unmatched=unmatched,
        pending=pending,
        newest=max((one.labelled_at for one in outcomes), default=None),
        delay_median=float(np.median(delays)) if delays else None,
        delay_p90=float(np.quantile(delays, 0.9)) if delays else None,
    )


def _hours(outcomes: Iterable[Outcome]) -> list[float]:
    return [(one.labelled_at - one.at).total_seconds() / 3600 for one in outcomes]
