"""Alerts as people look after them: own, acknowledge, silence, close with an outcome."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from backend.domain.alerts import OTHER, Alert, AlertState, Silence, rule_of
from backend.domain.clock import Clock
from backend.domain.people import Actor, Right
from backend.errors import Conflict, Invalid
from backend.operations.authorise import refusal, require, require_key, require_reason
from backend.store import Store

LONGEST_SILENCE_HOURS = 7 * 24.0
LONGEST_COVER = 300
RUNBOOKS = Path(__file__).resolve().parents[1] / "runbooks"


class Alerts:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def standing(self) -> tuple[Alert, ...]:
        """Those that nobody has closed, newest first."""
        return self._store.alerts.standing()

    def silences(self) -> tuple[Silence, ...]:
        """Those that hold now."""
        return self._store.alerts.silences()

    def list(self, actor: Actor, limit: int = 100) -> tuple[Alert, ...]:
        """All of them, closed ones included, newest first."""
        require(actor, Right.READ)
        return self._store.alerts.recent(max(1, min(limit, 1000)))

    def own(self, actor: Actor, alert_id: str, reason: str) -> Alert:
        """Become the one who looks after it; somebody else's is taken over. Owning acknowledges.

        Raises NotPermitted, Invalid for a reason that says nothing, NotFound.
        """
        require(actor, Right.CONTROL)
        known = self._store.alerts.get(alert_id)
        fields = {"owner": actor.name, **self._acknowledged(known, actor)}
        return self._store.alerts.change(alert_id, actor, "owned", fields, require_reason(reason))

    def ack(self, actor: Actor, alert_id: str) -> Alert:
        """Say that somebody has seen it: from now on it is not told again. The first one stands. Raises as `own`."""
        require(actor, Right.CONTROL)
        known = self._store.alerts.get(alert_id)
        said = "seen by the one who acknowledges"
        return self._store.alerts.change(alert_id, actor, "acknowledged", self._acknowledged(known, actor), said)

    def close(self, actor: Actor, alert_id: str, outcome: str) -> Alert:
        """Say what it was and what was done, which closes it; the first outcome stands.

        Raises Conflict while it still fires: it would begin anew at the next look. Raises as `own` does besides.
        """
        require(actor, Right.CONTROL)
        said, known = require_reason(outcome), self._store.alerts.get(alert_id)
        if known.firing:
            raise Conflict(
                f"{known.title} still fires: {known.words} Silence it, or close it once it is calm.",
                expected="calm",
                actual="firing",
            )
        fields = {
            "state": AlertState.CLOSED,
            "closed_by": actor.name,
            "closed_at": self._clock(),
            "outcome": said,
        }
        return self._store.alerts.change(alert_id, actor, "closed", fields, said)

    def silence(self, actor: Actor, covers: str, hours: float, reason: str, key: str) -> Silence:
        """Tell nobody of alerts whose key begins with `covers`, for at most a week; "" covers all.

        They are still recorded, and told of when the silence ends and they still fire. Raises NotPermitted, Invalid.
        """
        require(actor, Right.CONTROL)
        said, wanted = require_reason(reason), require_key(key)
        if not 0 < hours <= LONGEST_SILENCE_HOURS:
            raise Invalid(f"A silence ends within {LONGEST_SILENCE_HOURS:g} h, and lasts; not {hours:g} h.")
        if len(covers) > LONGEST_COVER or not (covers.isprintable() or not covers):
            raise Invalid(f"What is silenced is named by at most {LONGEST_COVER} printable characters.")
        now = self._clock()
        until = now + timedelta(hours=hours)
        made = Silence(id=wanted, covers=covers.strip(), reason=said, by=actor.name, at=now, until=until)
        return self._store.alerts.silence(made, actor)

    def lift(self, actor: Actor, silence_id: str, reason: str) -> Silence:
        """End a silence before its time. Raises NotPermitted, Invalid, NotFound."""
        require(actor, Right.CONTROL)
        return self._store.alerts.lift(silence_id, actor, require_reason(reason))

    def refusal(self, actor: Actor) -> str:
        """Why the actor may not look after alerts, for a disabled button; "" where they may."""
        return refusal(actor, Right.CONTROL)

    def runbook(self, rule: str) -> str:
        """What to do about a rule's alerts, in Markdown of ours."""
        path = RUNBOOKS / f"{rule_of(rule).runbook}.md"
        return (path if path.exists() else RUNBOOKS / f"{OTHER.runbook}.md").read_text(encoding="utf-8")

    def _acknowledged(self, known: Alert, actor: Actor) -> dict[str, object]:
        if known.state is not AlertState.OPEN:
            return {}
        return {
            "state": AlertState.ACKNOWLEDGED,
            "acknowledged_by": actor.name,
            "acknowledged_at": self._clock(),
        }
