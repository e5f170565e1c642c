"""Two models' answers to the same rows as paired proportions: sensitivity among the ill, specificity among the well."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from backend.policy.paired import Bools, Floats, Ints, design_effect, quantile, totals

HALVINGS = 60
"""Of an interval of width 2, until what is left is below the precision of a float."""


@dataclass(frozen=True)
class PairedShare:
    """How many of `rows` each model answered rightly; the inflations say what repeated patients cost.

    `gained` counts the rows that only the challenger has right, `lost` those that only the champion has right.
    """

    rows: int
    champion_right: int
    challenger_right: int
    gained: int
    lost: int
    inflation: float
    champion_inflation: float
    challenger_inflation: float
    p_value: float

    @property
    def champion(self) -> float:
        return self.champion_right / self.rows

    @property
    def challenger(self) -> float:
        return self.challenger_right / self.rows

    @property
    def difference(self) -> float:
        return (self.gained - self.lost) / self.rows

    def interval(self, confidence: float) -> tuple[float, float]:
        """Tango's interval of the difference, on counts divided by the design effect."""
        counts = (count / self.inflation for count in (self.gained, self.lost, self.rows))
        return score_interval(*counts, confidence=confidence)

    def champion_interval(self, confidence: float) -> tuple[float, float]:
        return wilson_interval(self.champion, self.rows / self.champion_inflation, confidence)

    def challenger_interval(self, confidence: float) -> tuple[float, float]:
        return wilson_interval(self.challenger, self.rows / self.challenger_inflation, confidence)


def paired_share(champion: Bools, challenger: Bools, groups: Ints) -> PairedShare:
    """Compare which rows two models have right; one entry a row, at least one row."""
    net = challenger.astype(np.float64) - champion
    return PairedShare(
        rows=champion.size,
        champion_right=int(champion.sum()),
        challenger_right=int(challenger.sum()),
        gained=int((net > 0).sum()),
        lost=int((net < 0).sum()),
        inflation=design_effect(net, groups),
        champion_inflation=design_effect(champion.astype(np.float64), groups),
        challenger_inflation=design_effect(challenger.astype(np.float64), groups),
        p_value=exact_p_value(*_patients_to_each_side(totals(net, groups))),
    )


def _patients_to_each_side(net: Floats) -> tuple[int, int]:
    return int((net > 0).sum()), int((net < 0).sum())


def exact_p_value(gained: int, lost: int) -> float:
    """McNemar's exact two-sided p: a fair coin for each discordant patient.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947) 153-157, in its exact conditional form. A patient with several rows counts once, on the
    side to which the rows lead on balance, which makes it the sign test of patients; with one row each it is McNemar's.
    """
    discordant = gained + lost
    ways = tail = 1
    for k in range(min(gained, lost)):
        ways = ways * (discordant - k) // (k + 1)
        tail += ways
    # Whole numbers of any length: 2 ** 2000 does not fit a float, the quotient does.
    return min(1.0, float(2 * tail / 2**discordant))


def score_interval(gained: float, lost: float, rows: float, *, confidence: float) -> tuple[float, float]:
    """The interval of (gained - lost) / rows that inverts the score test.

    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design", Statistics in Medicine 17 (1998) 891-908. Chosen over Newcombe's method 10 because it inverts a test, so
    that interval and verdict agree, and over Wald's because it keeps its level near 0 and 1 and has a width where no
    answer differs: two models that answer alike are not known to be alike beyond the rows seen. Counts need not be
    whole; `rows` is positive.
    """
    reach = quantile(confidence)
    estimate = (gained - lost) / rows
    low = _where_the_score_is(reach, gained, lost, rows, (-1.0, estimate))
    high = _where_the_score_is(-reach, gained, lost, rows, (estimate, 1.0))
    return low, high


def _where_the_score_is(target: float, gained: float, lost: float, rows: float, between: tuple[float, float]) -> float:
    """The score falls as the difference grows, so halving finds the place."""
    low, high = between
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _score(middle, gained, lost, rows) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _score(difference: float, gained: float, lost: float, rows: float) -> float:
    """Tango's statistic, with the discordant share estimated under that difference."""
    square, linear = 2 * rows, -gained - lost + (2 * rows - gained + lost) * difference
    constant = -lost * difference * (1 - difference)
    share = (sqrt(max(0.0, linear * linear - 4 * square * constant)) - linear) / (2 * square)
    variance = rows * (2 * share + difference * (1 - difference))
    return (gained - lost - rows * difference) / sqrt(variance) if variance > 0 else 0.0


def wilson_interval(share: float, rows: float, confidence: float) -> tuple[float, float]:
    """E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212."""
    z = quantile(confidence)
    middle = share + z * z / (2 * rows)
    reach = z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return max(0.0, (middle - reach) / (1 + z * z / rows)), min(1.0, (middle + reach) / (1 + z * z / rows))


def rows_needed(margin: float, confidence: float) -> float:
    """Below this many rows Tango's interval reaches beyond `margin` even where no answer differs.

    With no discordant row it is plus and minus z^2 / (n + z^2); solved for n.
    """
    z = quantile(confidence)
    return z * z * (1 - margin) / margin
