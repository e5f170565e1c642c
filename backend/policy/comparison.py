"""The verdict on two models: four words for each metric, and what each of them needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Protocol

from numpy.typing import ArrayLike

from backend.domain.comparison import (
    METRIC_NAMES,
    Comparison,
    Consequence,
    Difference,
    Flips,
    Side,
    Subgroups,
    ThresholdPoint,
    Verdict,
    signed_well,
)
from backend.policy.auc import paired_auc
from backend.policy.brier import paired_brier
from backend.policy.calibration import Approach, paired_calibration
from backend.policy.consequence import consequence
from backend.policy.flips import flips, sweep
from backend.policy.holdout import Holdout
from backend.policy.margins import CONFIDENCE, FEWEST_OF_A_CLASS, MARGINS, SUBGROUP_MARGIN, Margin
from backend.policy.paired import Bools, PairedValue
from backend.policy.ppv import paired_ppv
from backend.policy.proportions import PairedShare, paired_share
from backend.policy.subgroups import subgroups


class _Gain(Protocol):
    """A difference with its interval."""

    @property
    def difference(self) -> float: ...

    def interval(self, confidence: float) -> tuple[float, float]: ...


class _Paired(_Gain, Protocol):
    """A figure of both models."""

    @property
    def champion(self) -> float: ...

    @property
    def challenger(self) -> float: ...


@dataclass(frozen=True)
class Judged:
    """Everything a comparison says, computed from one holdout and two thresholds and nothing else."""

    differences: tuple[Difference, ...]
    consequence: Consequence
    subgroups: Subgroups | None
    flips: Flips
    sweep: tuple[ThresholdPoint, ...]


def judge(
    holdout: Holdout, champion_threshold: float, challenger_threshold: float, band_margin: float = SUBGROUP_MARGIN
) -> Judged:
    """Compare two models, each cut at its own release threshold; positive is `probability >= threshold`.

    A metric that does not exist on these rows (PPV where nobody is called, calibration where the probabilities
    separate the outcomes) is left out. Raises Invalid where the rows cannot be compared at all.
    """
    called = holdout.champion >= champion_threshold, holdout.challenger >= challenger_threshold
    sensitivity, specificity = _shares(holdout, called)
    return Judged(
        differences=differences(holdout, champion_threshold, challenger_threshold),
        consequence=consequence(sensitivity, specificity),
        subgroups=subgroups(holdout, *called, band_margin),
        flips=flips(holdout, *called),
        sweep=sweep(holdout, called[0]),
    )


def differences(holdout: Holdout, champion_threshold: float, challenger_threshold: float) -> tuple[Difference, ...]:
    """The verdict on each metric alone, in a tenth of the time of `judge`. Raises Invalid as it does."""
    called = holdout.champion >= champion_threshold, holdout.challenger >= challenger_threshold
    auc = paired_difference(holdout.outcome, holdout.champion, holdout.challenger, holdout.groups)
    sensitivity, specificity = _shares(holdout, called)
    return (
        auc,
        _of_share("sensitivity", sensitivity),
        _of_share("specificity", specificity),
        *_of_ppv(holdout, called),
        *_of_probabilities(holdout),
    )


def _shares(holdout: Holdout, called: tuple[Bools, Bools]) -> tuple[PairedShare, PairedShare]:
    """Of the ill and of the well."""
    return _share(holdout, called, holdout.ill), _share(holdout, called, ~holdout.ill)


@dataclass(frozen=True)
class Origin:
    """Where the rows came from: the data, how many patients are on both sides of the split, and when they were read."""

    data_asset: str
    data_digest: str
    shared_groups: int
    made_at: datetime


def comparison_of(judged: Judged, holdout: Holdout, champion: Side, challenger: Side, origin: Origin) -> Comparison:
    """What was judged, as it is quoted."""
    return Comparison(
        champion=champion,
        challenger=challenger,
        data_asset=origin.data_asset,
        data_digest=origin.data_digest,
        rows=len(holdout.outcome),
        positives=int(holdout.ill.sum()),
        shared_groups=origin.shared_groups,
        differences=judged.differences,
        figures=figures(judged.differences),
        made_at=origin.made_at,
        consequence=judged.consequence,
        subgroups=judged.subgroups,
        predictions=holdout.digests,
        flips=judged.flips,
        sweep=judged.sweep,
    )


def figures(differences: tuple[Difference, ...]) -> dict[str, dict[str, float]]:
    """Each model's own figures by side, as lists of models show them."""
    return {
        "champion": {d.metric: d.champion for d in differences},
        "challenger": {d.metric: d.challenger for d in differences},
    }


def paired_difference(
    outcome: ArrayLike, champion: ArrayLike, challenger: ArrayLike, groups: ArrayLike | None = None
) -> Difference:
    """The AUC of both models on the same rows, the difference with its interval, and the verdict."""
    found = paired_auc(outcome, champion, challenger, groups)
    return _difference("auc", found, found, min(found.positives, found.negatives))


def _share(holdout: Holdout, called: tuple[Bools, Bools], rows: Bools) -> PairedShare:
    champion, challenger = (answer[rows] == holdout.ill[rows] for answer in called)
    return paired_share(champion, challenger, holdout.groups[rows])


def _of_share(metric: str, share: PairedShare) -> Difference:
    return _difference(metric, share, share, share.rows).model_copy(update={"p_value": share.p_value})


def _of_ppv(holdout: Holdout, called: tuple[Bools, Bools]) -> tuple[Difference, ...]:
    found = paired_ppv(holdout.outcome, *called, holdout.groups)
    if found is None:
        return ()
    return (_of_value("ppv", found, found, min(int(answer.sum()) for answer in called)),)


def _of_probabilities(holdout: Holdout) -> tuple[Difference, ...]:
    rows = holdout.outcome, holdout.champion, holdout.challenger, holdout.groups
    fewest = min(int(holdout.ill.sum()), int((~holdout.ill).sum()))
    brier = paired_brier(*rows)
    calibration = paired_calibration(*rows)
    of_brier = _of_value("brier", brier, brier, fewest)
    if calibration is None:
        return (of_brier,)
    slope = _of_value("calibration_slope", calibration.slope, calibration.slope_gain, fewest)
    intercept = _of_value("calibration_intercept", calibration.intercept, calibration.intercept_gain, fewest)
    return of_brier, slope, intercept


def _of_value(metric: str, found: PairedValue, gain: PairedValue | Approach, fewest: int) -> Difference:
    errors = {
        "champion_error": found.champion_error if isfinite(found.champion_error) else None,
        "challenger_error": found.challenger_error if isfinite(found.challenger_error) else None,
    }
    return _difference(metric, found, gain, fewest).model_copy(update=errors)


def _difference(metric: str, found: _Paired, gain: _Gain, fewest: int) -> Difference:
    """`gain` carries the verdict: for calibration it is not the difference itself but the way towards perfect."""
    low, high = found.interval(CONFIDENCE)
    return Difference(
        metric=metric,
        champion=found.champion,
        challenger=found.challenger,
        difference=found.difference,
        low=low,
        high=high,
        confidence=CONFIDENCE,
        verdict=verdict(gain.difference, *gain.interval(CONFIDENCE), fewest, MARGINS[metric]),
    )


def verdict(difference: float, low: float, high: float, fewest: int, margin: Margin = MARGINS["auc"]) -> Verdict:
    """One of the four words; `fewest` is the size of the smallest class that the metric looks at.

    Better and worse: the interval excludes 0 and the difference is one that matters. No detectable difference: the
    interval lies within what may be overlooked, or the estimate is trivial and a larger loss is excluded.
    """
    if fewest < FEWEST_OF_A_CLASS:
        return Verdict.TOO_LITTLE_DATA
    gain, least, most = (difference, low, high) if margin.sign > 0 else (-difference, -high, -low)
    if least > 0 and gain >= margin.smallest:
        return Verdict.BETTER
    if most < 0 and gain <= -margin.smallest:
        return Verdict.WORSE
    loss_excluded = least > -margin.overlooked
    if loss_excluded and (most < margin.overlooked or abs(gain) <= margin.smallest):
        return Verdict.NO_DIFFERENCE
    return Verdict.TOO_LITTLE_DATA


def in_words(difference: Difference, rows: int) -> str:
    """`better: AUC +0.140 (95 % 0.131 to 0.149, n 3,000)`."""
    level = f"{100 * difference.confidence:.0f} %"
    interval = f"{level} {difference.low:+.3f} to {difference.high:+.3f}"
    name = METRIC_NAMES.get(difference.metric, difference.metric)
    return signed_well(f"{difference.verdict.value}: {name} {difference.difference:+.3f} ({interval}, n {rows:,})")
