"""One model on its holdout: what can be said of it without another one beside it."""

from __future__ import annotations

from datetime import datetime

from backend.domain.value import Value


class Estimate(Value):
    """A figure with its interval."""

    value: float
    low: float
    high: float


class BandCalibration(Value):
    """Mean risk less the share that is ill, in one band; `excess` is None below the fewest rows that say anything.

    So are sensitivity and specificity at the holdout's threshold, and in evidence from before they were measured.
    """

    axis: str
    band: str
    rows: int
    positives: int
    excess: Estimate | None = None
    sensitivity: Estimate | None = None
    specificity: Estimate | None = None


class HoldoutFigures(Value):
    """A version on the holdout of its own training run, at `threshold`.

    `slope` and `intercept` are None where the probabilities separate the outcomes. The intervals of the bands are
    corrected for all of them (Bonferroni); `predictions` is the sha256 of the file they were computed from.
    `dataset_rows` and `patients` count the whole asset, before the split; None in evidence from before they were told.
    """

    threshold: float
    rows: int
    positives: int
    data_asset: str
    data_digest: str
    shared_groups: int
    sensitivity: Estimate
    specificity: Estimate
    brier: Estimate
    slope: Estimate | None
    intercept: Estimate | None
    bands: tuple[BandCalibration, ...]
    confidence: float
    predictions: str
    run: str
    made_at: datetime
    auc: Estimate | None = None
    dataset_rows: int | None = None
    patients: int | None = None


class RobustnessCheck(Value):
    """One thing that was tried: `share` of `rows` that went wrong; for the batch check the largest difference."""

    check: str
    rows: int
    share: float
    note: str = ""


class Robustness(Value):
    """What the run found when it spoilt its holdout rows, in the run's own figures.

    `batch` is the largest difference between two answers to one row; `let_through` are requests that should have been
    refused; `falls` are risks that fell where they should not; `silent` are decisions that a confused unit changed
    without refusal or warning.
    """

    batch: RobustnessCheck
    let_through: tuple[RobustnessCheck, ...]
    falls: tuple[RobustnessCheck, ...]
    silent: tuple[RobustnessCheck, ...]
    run: str
    made_at: datetime


class LoadResult(Value):
    """What the test endpoint answered to many requests at once: milliseconds at the caller, errors of `requests`."""

    requests: int
    errors: int
    at_a_time: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    per_second: float
    made_at: datetime
