"""How the model that serves behaves: what it is asked beside what it learned from, and what became of its answers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.comparison import METRIC_NAMES
from backend.domain.quality import Estimate
from backend.domain.value import Value

TEXTBOOK = 0.2
"""Siddiqi's limit for a large change, at no n in particular: shown for reference, and decides nothing."""


class Standing(StrEnum):
    """Too little data is never in band."""

    IN_BAND = "in band"
    OUT = "out of band"
    TOO_LITTLE = "not enough data"


class Drift(Value):
    """One feature, or the score, against the training data: the population stability index (PSI) of `n` rows.

    `limit` is the upper end of what chance alone does at this n. `shares` and `reference` are of the same bins, named
    by `bins`. Where a confused unit explains it, `cause` names it and `affected` is the share of the rows that it
    concerns.
    """

    name: str
    unit: str
    n: int
    psi: float | None
    limit: float | None
    standing: Standing
    bins: tuple[str, ...]
    reference: tuple[float, ...]
    shares: tuple[float, ...]
    cause: str = ""
    affected: float | None = None


class FieldQuality(Value):
    """One field of the newest `n` rows: values that are missing, that nobody would believe, that training never saw.

    Each has the number above which chance is no explanation, None where there are too few rows to say.
    """

    name: str
    unit: str
    n: int
    missing: int
    implausible: int
    unseen: int
    missing_limit: int | None
    implausible_limit: int | None
    unseen_limit: int | None
    standing: Standing
    cause: str = ""


class Asked(Value):
    """Calls of an endpoint in a stretch of time, our probes and copies left out, and those that the model refused.

    `fields` counts, by what the scoring script wrote to its log, the field that was wrong; it may tell of fewer.
    """

    since: datetime
    until: datetime
    calls: int
    refused: int
    fields: dict[str, int] = {}


class RefusedField(Value):
    name: str
    refused: int


class Refusals(Value):
    """Refused requests of a day beside those of the days before; `limit` is the most that chance makes of them."""

    since: datetime
    until: datetime
    calls: int
    refused: int
    fields: tuple[RefusedField, ...]
    earlier_calls: int
    earlier_refused: int
    limit: int | None
    standing: Standing


def titled(metric: str) -> str:
    """The metric's name as a sentence or a row begins with it."""
    return METRIC_NAMES.get(metric, metric[:1].upper() + metric[1:])


class EstimatedFigure(Value):
    """A metric without labels: what the calibrated risks let expect, with the interval in which labels would put it.

    `reference` is the same metric on the holdout, None where the evidence has none. `limit` is the lowest that chance
    alone makes of as many patients like the holdout's, None where there are too few rows to say, and in looks from
    before it was judged.
    """

    metric: str
    value: float
    low: float
    high: float
    reference: float | None = None
    limit: float | None = None
    standing: Standing = Standing.TOO_LITTLE


class RealisedFigure(Value):
    """A metric with labels, beside the holdout's; `n` rows, with the interval of the difference from the holdout."""

    metric: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    reference: float | None
    difference_low: float | None
    difference_high: float | None
    standing: Standing


class BandOutcome(Value):
    """A band of patients with labels: both shares with their intervals, None without a row."""

    axis: str
    band: str
    n: int
    positives: int
    sensitivity: Estimate | None
    specificity: Estimate | None


class CalibrationPeriod(Value):
    """Answers of one stretch of time that have labels: the mean risk that was said, and the share that was ill."""

    start: datetime
    end: datetime
    n: int
    said: float
    seen: float
    low: float
    high: float


class Labels(Value):
    """How far the labels reach. `answered` rows may have one; the delays are from the answer to the label, in hours."""

    answered: int
    labelled: int
    unmatched: int
    pending: int
    newest: datetime | None = None
    delay_median: float | None = None
    delay_p90: float | None = None

    @property
    def coverage(self) -> float | None:
        return self.labelled / self.answered if self.answered else None


class Watch(Value):
    """The monitor's own state. `problems` are sentences, none while all is well; `looked_at` is this look."""

    looked_at: datetime
    every_minutes: float
    newest_row: datetime | None
    collected_percent: float
    problems: tuple[str, ...] = ()


class Behaviour(Value):
    """One look at an endpoint: what served, on which rows, and everything that was found.

    `confidence` is that of one test, so that all tests of a month together raise at most `false_alarms_a_month`;
    `profile` is the digest of the description that the rows are compared with.
    """

    endpoint: str
    deployment: str
    version: str
    threshold: float
    run: str
    profile: str
    at: datetime
    rows: int
    oldest: datetime | None
    newest: datetime | None
    confidence: float
    tests: int
    looks_a_month: int
    false_alarms_a_month: float
    drift: tuple[Drift, ...]
    quality: tuple[FieldQuality, ...]
    estimated: tuple[EstimatedFigure, ...]
    realised: tuple[RealisedFigure, ...]
    bands: tuple[BandOutcome, ...]
    calibration: tuple[CalibrationPeriod, ...]
    labels: Labels
    watch: Watch
    refusals: Refusals | None = None
    """None where the log could not be read, and in looks from before they were counted."""

    @property
    def out(self) -> tuple[Drift, ...]:
        return tuple(one for one in self.drift if one.standing is Standing.OUT)


class Outcome(Value):
    """A label that has found its answer. `positive` is what was answered, `ill` what turned out."""

    at: datetime
    labelled_at: datetime
    version: str
    probability: float
    positive: bool
    ill: bool
    bands: tuple[str, ...]
