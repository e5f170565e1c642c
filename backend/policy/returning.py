"""What the way back is worth: how long the last return took, and whether callers could stay as they are. Pure."""

from __future__ import annotations

from backend.domain.decisions import Returned, WayBack
from backend.domain.promotions import Kind, Promotion, StepKind, StepRecord, StepState
from backend.domain.supply_chain import Signature

NAMED = 3
"""Columns that a sentence names; more are counted."""


def returned(promotion: Promotion) -> Returned | None:
    """How long production took to be back: since a rollback was asked for, or since a promotion was given up.

    None where traffic had not moved, so that there was nothing to bring back.
    """
    shifted, restored = _done(promotion, StepKind.SHIFT_TRAFFIC), _done(promotion, StepKind.RESTORE_TRAFFIC)
    back = shifted if promotion.kind is Kind.ROLL_BACK else restored if shifted else None
    began = promotion.created_at if promotion.kind is Kind.ROLL_BACK else back.started_at if back else None
    if back is None or began is None or back.finished_at is None:
        return None
    return Returned(kind=promotion.kind, seconds=(back.finished_at - began).total_seconds(), at=back.finished_at)


def _done(promotion: Promotion, kind: StepKind) -> StepRecord | None:
    return next((r for r in promotion.steps if r.step.kind is kind and r.state is StepState.SUCCEEDED), None)


def schema_allows(stable: str, now: Signature | None, after: Signature | None) -> tuple[bool | None, str]:
    """Whether a caller that has moved to the new version is still served after a return to `stable`, and why.

    None where a schema is not known: a version that was tested before schemas were looked at.
    """
    if now is None or after is None:
        whose = f"v{stable}" if now is None else "the new version"
        return None, f"The schema of {whose} was never read: test it again."
    if now == after:
        return True, "The schema is the same, so callers stay as they are."
    asked = {(f.name, f.type) for f in now.inputs if f.required}
    missing = sorted(name for name, _ in asked - {(f.name, f.type) for f in after.inputs})
    if missing or now.outputs != after.outputs:
        told = f"v{stable} asks for {_named(missing)}" if missing else f"v{stable} answers otherwise"
        return False, f"The schema does not allow it unseen: {told}, so callers have to follow."
    return True, f"The schema allows it: v{stable} asks for nothing that callers no longer send."


def way_back_line(found: WayBack) -> str:
    """Both in a line, for a terminal."""
    if found.last is None:
        return f"{found.sentence} No return has been measured here yet."
    return f"{found.sentence} The last one took {found.last.seconds:.1f} s, on {found.last.at:%Y-%m-%d %H:%M} UTC."


def _named(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
