"""Whether a candidate is well: errors and latency against the limits of a step, with the number of calls in mind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

from backend.domain.promotions import Step
from backend.domain.telemetry import TrafficSummary

CONFIDENCE = 0.95


class Health(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Judgement:
    health: Health
    sentence: str


def judge(seen: TrafficSummary | None, step: Step) -> Judgement:
    """Compare what was measured with the step's limits.

    Bad: the error rate is above its limit beyond chance, or the 95th percentile is above its limit after enough
    calls. Unclear: too few calls, or errors above the limit that chance still explains.
    """
    requests = seen.requests if seen else 0
    errors = seen.errors if seen else 0
    rate = errors / requests if requests else 0.0
    of_errors = f"errors {100 * rate:.2f} %, limit {100 * step.max_error_rate:g} %, n {requests:,}"
    if requests and lower_bound(errors, requests) > step.max_error_rate:
        return Judgement(Health.BAD, of_errors)
    if requests < step.min_calls:
        return Judgement(Health.UNCLEAR, f"{requests:,} of {step.min_calls:,} calls")
    p95 = seen.p95_ms if seen else None
    if step.max_p95_ms and p95 is not None and p95 > step.max_p95_ms:
        return Judgement(Health.BAD, f"p95 {p95:.0f} ms, limit {step.max_p95_ms:g} ms, n {requests:,}")
    if rate > step.max_error_rate:
        return Judgement(Health.UNCLEAR, f"{of_errors}: more calls are needed to tell it from chance")
    latency = f"; p95 {p95:.0f} ms" if p95 is not None else ""
    return Judgement(Health.GOOD, of_errors + latency)


def lower_bound(errors: int, requests: int) -> float:
    """The lower end of the two-sided 95 % interval of a rate.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212.
    """
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    rate = errors / requests
    middle = rate + z * z / (2 * requests)
    reach = z * sqrt(rate * (1 - rate) / requests + z * z / (4 * requests * requests))
    return max(0.0, (middle - reach) / (1 + z * z / requests))
