"""What a data version looks like, as its training run described it: bins, quantiles and counts, never a row."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator

EXCHANGE = ConfigDict(frozen=True, extra="ignore")
"""A later release of the training code may say more than this release reads."""


class Confusion(BaseModel):
    """A unit that may be sent instead of the right one: the value is then `factor` times what it should be."""

    model_config = EXCHANGE
    name: str
    factor: float


class Binned(BaseModel):
    """Values cut at `edges`: `counts` holds those below the first, those of each bin, those above the last edge."""

    model_config = EXCHANGE
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @model_validator(mode="after")
    def _one_more(self) -> Binned:
        if len(self.counts) != len(self.edges) + 1 or len(self.edges) < 2 or sorted(self.edges) != list(self.edges):
            raise ValueError("bins need rising edges and one count more than edges")
        return self

    @property
    def n(self) -> int:
        return sum(self.counts)


class FeatureProfile(Binned):
    """One column of the training rows; `low` to `high` is what a clinician would believe, in `unit`."""

    name: str
    unit: str
    low: float
    high: float
    missing: int
    minimum: float
    maximum: float
    mean: float
    quantiles: tuple[float, ...]
    auc: float
    confusions: tuple[Confusion, ...] = ()


class ScoreProfile(Binned):
    """The risk on the holdout: the ill in each bin, and the mean of the risk there."""

    positives: tuple[int, ...]
    means: tuple[float, ...]


class BandCount(BaseModel):
    model_config = EXCHANGE
    axis: str
    band: str
    rows: int
    positives: int


class Duplicates(BaseModel):
    """Rows alike in every feature, those of them whose outcomes differ, and patients who come more than once."""

    model_config = EXCHANGE
    rows: int
    contradicting: int
    returning_patients: int
    shared_groups: int


class DataProfile(BaseModel):
    """All of it. `digest` is that of the data file."""

    model_config = EXCHANGE
    rows: int
    patients: int
    positives: int
    training_rows: int
    digest: str
    features: tuple[FeatureProfile, ...]
    bands: tuple[BandCount, ...]
    duplicates: Duplicates
    score: ScoreProfile

    def feature(self, name: str) -> FeatureProfile | None:
        return next((feature for feature in self.features if feature.name == name), None)
