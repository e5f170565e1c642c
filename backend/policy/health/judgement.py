"""All checks of one look at a candidate."""

from __future__ import annotations

from backend.domain.analysis import Analysis, Check, Health, Seen
from backend.domain.promotions import Step
from backend.policy.health import errors, latency, saturation, scores


def judge(seen: Seen, step: Step) -> Analysis:
    """Compare what was measured with the step's limits; the limits a step does not have are not asked."""
    asked = (
        _calls(seen, step),
        errors.against_limit(seen, step),
        errors.against_stable(seen, step),
        latency.against_limit(seen, step),
        latency.against_stable(seen, step),
        saturation.of_processor(seen, step),
        saturation.of_memory(seen, step),
        scores.of_positives(seen, step),
    )
    return Analysis(checks=tuple(check for check in asked if check is not None))


def _calls(seen: Seen, step: Step) -> Check | None:
    """Only while there are too few: enough calls are no finding."""
    calls = seen.candidate.calls
    if calls >= step.min_calls:
        return None
    words = f"{calls:,} of {step.min_calls:,} calls"
    limit = f"≥ {step.min_calls:,}"
    return Check(measure="Calls", health=Health.UNCLEAR, measured=f"{calls:,}", limit=limit, n=calls, sentence=words)
