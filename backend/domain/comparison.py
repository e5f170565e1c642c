"""Champion against challenger on the same holdout rows: what a paired comparison says."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

from backend.domain.quality import Estimate
from backend.domain.value import Value

MINUS = "\N{MINUS SIGN}"
_BELOW_ZERO = re.compile(r"(?<![\w-])-(?=\d)")
_NOTHING = re.compile(r"(?<![\w-])[+-](?=0(?:\.0+)?(?![\d.]))")


class Verdict(StrEnum):
    """The four answers a paired comparison can give."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no detectable difference"
    TOO_LITTLE_DATA = "too little data"


METRIC_NAMES: dict[str, str] = {
    "auc": "AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "brier": "Brier score",
    "calibration_slope": "Calibration slope",
    "calibration_intercept": "Calibration intercept",
    "accuracy": "Accuracy",
}
"""In the order of reading."""


class Difference(Value):
    """A paired difference, challenger minus champion, in the metric's own unit.

    `p_value` is McNemar's exact one, for proportions only; the errors are the standard errors of each model's figure,
    where they are known.
    """

    metric: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    confidence: float = 0.95
    verdict: Verdict
    p_value: float | None = None
    champion_error: float | None = None
    challenger_error: float | None = None


class PerThousand(Value):
    """Patients per 1,000: both models, and the change with its interval; below 0 is fewer."""

    champion: float
    challenger: float
    change: float
    low: float
    high: float


class Consequence(Value):
    """What the two models do to 1,000 patients of whom `prevalence` are ill, each at its own threshold.

    Missed: ill patients answered as negative. False alarms: well ones answered as positive. `prevalence` is the
    holdout's and taken as known, so the intervals do not hold where another share of the patients is ill.
    """

    prevalence: float
    missed: PerThousand
    false_alarms: PerThousand
    confidence: float = 0.95


class BandVerdict(StrEnum):
    """Whether a band is spared; only PASS is green."""

    PASS = "pass"  # noqa: S105  # a word on the page, no password
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"
    TOO_FEW = "too few to judge"


class BandShare(Value):
    """Sensitivity or specificity within a band; `rows` counts the ill or the well ones.

    The interval of the difference is the corrected one; without a row there is nothing but the verdict.
    """

    rows: int
    verdict: BandVerdict
    champion: Estimate | None = None
    challenger: Estimate | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None


class Band(Value):
    """One band of an axis: how many are in it, and what changes for 1,000 patients like them."""

    axis: str
    band: str
    rows: int
    positives: int
    sensitivity: BandShare
    specificity: BandShare
    missed: PerThousand | None = None
    false_alarms: PerThousand | None = None

    @property
    def verdict(self) -> BandVerdict:
        """The graver of the two."""
        order = (BandVerdict.WORSE, BandVerdict.INCONCLUSIVE, BandVerdict.TOO_FEW, BandVerdict.PASS)
        return min((self.sensitivity.verdict, self.specificity.verdict), key=order.index)


class Subgroups(Value):
    """Every band, judged for non-inferiority: a loss of `margin` has to be excluded.

    `looks` intervals are computed and each is widened by Bonferroni's correction, so that all of them hold together
    with `confidence`; each band's own rates are at `confidence` alone.
    """

    margin: float
    looks: int
    confidence: float
    bands: tuple[Band, ...]


class Side(Value):
    """One of the two models compared; `threshold` is where its answers were cut, its own release threshold."""

    commit: str
    run: str
    version: str = ""
    digest: str = ""
    threshold: float | None = None


class ThresholdPoint(Value):
    """The challenger cut at another threshold, against the champion at its own."""

    threshold: float
    sensitivity: float
    specificity: float
    missed: PerThousand
    false_alarms: PerThousand


class Flip(Value):
    """A holdout row whose answer changes: `case` is its ordinal there and says nothing about who it is."""

    case: int
    ill: bool
    champion: float
    challenger: float
    bands: tuple[str, ...]

    @property
    def change(self) -> float:
        return self.challenger - self.champion


class Flips(Value):
    """Who gets another answer than before: counts over all rows, and the cases with the largest change of risk first.

    `rescued` are ill patients now found, `lost` ill ones now missed; `alarmed` well ones now called ill, `cleared`
    well ones no longer.
    """

    rows: int
    rescued: int
    lost: int
    alarmed: int
    cleared: int
    cases: tuple[Flip, ...]

    @property
    def count(self) -> int:
        return self.rescued + self.lost + self.alarmed + self.cleared


class Comparison(Value):
    """Champion against challenger on the same holdout rows.

    `rows` counts the paired predictions, `positives` those with the outcome; `shared_groups` is the number of
    patients in both train and holdout (0 or the comparison is refused); `figures` are plain metrics by side;
    `predictions` are the sha256 of the files whose rows were paired, from which everything else can be computed again.
    Comparisons made before there was a consequence have none, and only the AUC's difference.
    """

    champion: Side
    challenger: Side
    data_asset: str
    data_digest: str
    rows: int
    positives: int
    shared_groups: int
    differences: tuple[Difference, ...]
    figures: dict[str, dict[str, float]] = {}
    made_at: datetime
    consequence: Consequence | None = None
    subgroups: Subgroups | None = None
    predictions: tuple[str, ...] = ()
    flips: Flips | None = None
    sweep: tuple[ThresholdPoint, ...] = ()

    def on(self, metric: str) -> Difference:
        return next(d for d in self.differences if d.metric == metric)


def signed_well(sentence: str) -> str:
    """The sentence with a minus where a hyphen stood for one, and no sign at what rounds to nothing.

    The hyphen of a range or a name has something before it, and stays.
    """
    return _BELOW_ZERO.sub(MINUS, _NOTHING.sub("", sentence))
