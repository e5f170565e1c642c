"""The limits of a rollout as the plan says them before the click: what is measured, beyond what, and when."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.decisions import Rollout
from console.viewmodels.figures import duration

ALWAYS = "at every step"
BESIDE = "while stable takes calls"
IN_A_ROW = "three minutes in a row"


@dataclass(frozen=True, slots=True)
class StopRule:
    """`measure` beyond `limit` brings the traffic back; it is asked `when`."""

    measure: str
    limit: str
    when: str


def stop_rules(rollout: Rollout | None, stable: str) -> tuple[StopRule, ...]:
    """The rules that this rollout has; none where nothing serves that traffic could return to."""
    if rollout is None or not stable:
        return ()
    asked = (
        (True, StopRule("errors", f"{100 * rollout.max_error_rate:g} %", ALWAYS)),
        (True, StopRule("p95", f"{rollout.max_p95_ms:,.0f} ms", ALWAYS)),
        (
            rollout.max_error_increase < 1,
            StopRule("errors", f"stable + {100 * rollout.max_error_increase:g} pt", BESIDE),
        ),
        (rollout.max_p95_ratio > 0, StopRule("p95", f"{rollout.max_p95_ratio:g} × stable", BESIDE)),
        (rollout.max_cpu_percent > 0, StopRule("processor", f"{rollout.max_cpu_percent:g} %", IN_A_ROW)),
        (rollout.max_memory_percent > 0, StopRule("memory", f"{rollout.max_memory_percent:g} %", IN_A_ROW)),
        (
            rollout.max_positive_shift < 1,
            StopRule("positives", f"stable ± {100 * rollout.max_positive_shift:g} pt", BESIDE),
        ),
        (True, StopRule("another digest", "any", ALWAYS)),
    )
    return tuple(rule for wanted, rule in asked if wanted)


def pauses(rollout: Rollout) -> str:
    """What happens where too little is known: it neither goes on nor back."""
    return f"Too few calls to judge: it pauses after {duration(rollout.observe_deadline_seconds)}."
