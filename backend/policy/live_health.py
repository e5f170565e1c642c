"""What production itself says before anything is changed: the last hour against the limits of the rollout."""

from __future__ import annotations

from backend.domain.decisions import Rollout
from backend.domain.gates import Finding, FindingState
from backend.domain.telemetry import Traffic, TrafficSummary


def health_finding(traffic: Traffic | None, deployment: str, rollout: Rollout | None) -> Finding:
    """The strip's word. A promotion may be the cure, so it stops nothing by itself: it is there to be seen."""
    state, sentence = _judged(traffic, deployment, rollout)
    return Finding(gate="health", group="Health", state=state, sentence=sentence)


def _judged(traffic: Traffic | None, deployment: str, rollout: Rollout | None) -> tuple[FindingState, str]:
    if not deployment:
        return FindingState.NOT_RUN, "Nothing serves yet."
    if traffic is None:
        return FindingState.NOT_RUN, "The calls of the last hour have not been read yet."
    found = next((summary for summary in traffic.summaries if summary.deployment == deployment), None)
    if found is None or not found.requests or rollout is None:
        return FindingState.NOT_RUN, f"{deployment} had no call in the last hour."
    return _of_calls(found, rollout)


def _of_calls(found: TrafficSummary, rollout: Rollout) -> tuple[FindingState, str]:
    # scipy comes with it, which every command would otherwise wait for.
    from backend.policy.health.bounds import beyond_chance

    rate = found.errors / found.requests
    errors = f"errors {100 * rate:.2f} %, limit {100 * rollout.max_error_rate:g} %, n {found.requests:,}"
    latency = f"p95 {found.p95_ms:.0f} ms, limit {rollout.max_p95_ms:g} ms" if found.p95_ms is not None else "no p95"
    sentence = f"{found.deployment} in the last hour: {errors}; {latency}."
    slow = found.p95_ms is not None and found.p95_ms > rollout.max_p95_ms
    if beyond_chance(found.errors, found.requests, rollout.max_error_rate) or slow:
        return FindingState.ADVISORY, sentence
    return (FindingState.INCONCLUSIVE if rate > rollout.max_error_rate else FindingState.PASS), sentence
