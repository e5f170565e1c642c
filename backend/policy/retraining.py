"""When a retraining is proposed, and why not. Pure; nothing here trains, and nothing trains without a person.

A confused unit is no reason: a model trained on it would learn the mistake. While a proposal is open, while retraining
is on hold, and for `cool_down_days` after the last one was proposed or decided, there is no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from backend.domain.behaviour import Behaviour, Standing
from backend.domain.retraining import Proposal, Rules, Trigger
from backend.policy.behaviour import drift_words


def proposal(
    found: Behaviour, trained_at: datetime | None, earlier: Sequence[Proposal], rules: Rules, now: datetime
) -> Proposal | None:
    """What this look is a reason for; None where there is none, or another one stands in its way."""
    reason = _reason(found, trained_at, rules, now)
    if reason is None or waits_for(earlier, rules, now):
        return None
    trigger, why = reason
    made_of = f"{found.endpoint}\n{found.version}\n{trigger.value}\n{found.at.isoformat()}"
    return Proposal(
        id=f"retrain-v{found.version}-{hashlib.sha256(made_of.encode()).hexdigest()[:8]}",
        endpoint=found.endpoint,
        version=found.version,
        trigger=trigger,
        why=why,
        proposed_at=now,
    )


def waits_for(earlier: Sequence[Proposal], rules: Rules, now: datetime) -> str:
    """Why nothing is proposed now, in a sentence; "" where it would be."""
    if rules.hold:
        return f"Retraining is on hold: {rules.hold}"
    if any(one.state.open for one in earlier):
        return "A proposed retraining is open already."
    last = max((one.decided_at or one.proposed_at for one in earlier), default=None)
    if last is not None and now < last + timedelta(days=rules.cool_down_days):
        until = last + timedelta(days=rules.cool_down_days)
        return f"The last one was {last:%Y-%m-%d}; none is proposed before {until:%Y-%m-%d %H:%M} UTC."
    return ""


def _reason(found: Behaviour, trained_at: datetime | None, rules: Rules, now: datetime) -> tuple[Trigger, str] | None:
    worse = [one for one in found.realised if one.standing is Standing.OUT]
    if worse:
        told = ", ".join(
            f"{one.metric} {one.value:.3f} of {one.n:,} labelled rows against {one.reference:.3f}"
            for one in worse
            if one.value is not None and one.reference is not None
        )
        return Trigger.PERFORMANCE, f"Labels say that it has become worse: {told}."
    confused = {one.name for one in found.drift if one.cause} | {one.name for one in found.quality if one.cause}
    moved = [one for one in found.out if one.name not in confused and not (confused and one.name == "score")]
    if moved:
        worst = max(moved, key=lambda one: one.psi or 0.0)
        others = f" {len(moved) - 1} more moved." if len(moved) > 1 else ""
        return Trigger.DRIFT, f"{drift_words(worst)}{others}"
    if rules.every_days and trained_at is not None and now - trained_at >= timedelta(days=rules.every_days):
        days = (now - trained_at).total_seconds() / 86400
        return Trigger.SCHEDULE, f"v{found.version} is {days:.0f} days old; every {rules.every_days:g} days it is due."
    return None
