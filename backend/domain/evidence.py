"""Evidence: dated quotations with digests, and the comparison of two models."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class Verdict(StrEnum):
    """The four answers a paired comparison can give."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no detectable difference"
    TOO_LITTLE_DATA = "too little data"


class Difference(Value):
    """A paired difference, challenger minus champion, in the metric's own unit."""

    metric: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    confidence: float = 0.95
    verdict: Verdict


class Side(Value):
    """One of the two models compared."""

    commit: str
    run: str
    version: str = ""
    digest: str = ""


class Comparison(Value):
    """Champion against challenger on the same holdout rows.

    `rows` counts the paired predictions, `positives` those with the outcome; `shared_groups` is the number of
    patients in both train and holdout (0 or the comparison is refused); `figures` are plain metrics by side.
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

    def on(self, metric: str) -> Difference:
        return next(d for d in self.differences if d.metric == metric)


class FindingState(StrEnum):
    """A gate's result; only PASS is green."""

    PASS = "pass"  # noqa: S105  # a word on the strip, no password
    FAIL = "fail"
    ADVISORY = "advisory"
    INCONCLUSIVE = "inconclusive"
    STALE = "stale"
    NOT_RUN = "not run"


class Finding(Value):
    """One word on the verdict strip with its sentence."""

    gate: str
    state: FindingState
    sentence: str


class SmokeResult(Value):
    """What the test endpoint answered: `passed` of `requests`, and what was wrong with the rest."""

    requests: int
    passed: int
    failures: tuple[str, ...]
    model_version: str
    digest: str
    p95_ms: float


class Evidence(Value):
    """A frozen quotation: what was measured, about which digest, by which run, when.

    `kind` is `comparison` or `smoke`; `digest` is sha256 over the canonical JSON of `body`.
    """

    id: str
    kind: str
    model: str
    version: str
    model_digest: str
    digest: str
    source: str
    made_at: datetime
    comparison: Comparison | None = None
    smoke: SmokeResult | None = None
