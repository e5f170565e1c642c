"""What a signal makes of the alerts that stand: nothing, a new one, one that goes on, or one that is calm. Pure.

```
firing   no alert of this key stands      a new one: in the group of what has just begun on the same endpoint
firing   one stands                       the same one, with the newest figures; fires again if it was calm
quiet    one stands and fires             calm since now; it waits for its outcome
unknown                                   nothing: too little data has never calmed anything
```
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from backend.domain.alerts import (
    AGAIN,
    CALM,
    GOES_ON,
    RAISED,
    Alert,
    AlertState,
    Change,
    Silence,
    fingerprint,
    severity_of,
)
from backend.domain.objectives import Severity
from backend.domain.signals import Signal, SignalState

TOGETHER = timedelta(minutes=15)
"""What begins within this time after another on the same endpoint is most likely the same trouble."""


def judged(signal: Signal, standing: Sequence[Alert], earlier: int, silences: Iterable[Silence]) -> Change | None:
    """What a signal changes. `standing` are the alerts of its endpoint that nobody has closed, oldest first, and
    `earlier` is how many alerts of its key there have been.
    """
    mine = next((alert for alert in standing if alert.key == signal.key), None)
    if signal.state is SignalState.FIRING:
        silence = _silence(signal, silences)
        return _raised(signal, standing, earlier, silence) if mine is None else _goes_on(mine, signal, silence)
    if signal.state is SignalState.QUIET and mine is not None and mine.firing:
        return Change(mine.model_copy(update={"quiet_since": signal.at}), CALM)
    return None


def _raised(signal: Signal, standing: Sequence[Alert], earlier: int, silence: Silence | None) -> Change:
    severity = severity_of(signal.rule, signal.subject)
    name = fingerprint(signal, earlier + 1)
    first = _leader(standing, signal.at)
    alert = Alert(
        id=name,
        severity=severity,
        group=first.group if first is not None else name,
        raised_at=signal.at,
        last_seen=signal.at,
        silenced=silence.id if silence is not None else "",
        **_told_by(signal),
    )
    known = [one for one in standing if one.group == alert.group]
    louder = severity is Severity.PAGE and all(one.severity is not Severity.PAGE or one.silenced for one in known)
    return Change(alert, RAISED, told=silence is None and (alert.leads or louder))


def _goes_on(alert: Alert, signal: Signal, silence: Silence | None) -> Change:
    told = {name: value for name, value in _told_by(signal).items() if name not in {"rule", "endpoint", "subject"}}
    now = alert.model_copy(update={**told, "last_seen": signal.at, "quiet_since": None})
    if alert.silenced and silence is None:
        # Its silence has ended, and it still fires: from here on it is an alert like any other.
        return Change(now.model_copy(update={"silenced": ""}), AGAIN, told=True)
    if alert.firing:
        return Change(now, GOES_ON)
    # Whoever has acknowledged it knows of it already.
    loud = silence is None and alert.state is AlertState.OPEN
    return Change(now.model_copy(update={"times": alert.times + 1}), AGAIN, told=loud)


def _leader(standing: Sequence[Alert], at: datetime) -> Alert | None:
    """The newest alert that began shortly before, so that a chain of troubles is one group."""
    near = [alert for alert in standing if at - alert.raised_at <= TOGETHER]
    return near[-1] if near else None


def _silence(signal: Signal, silences: Iterable[Silence]) -> Silence | None:
    return next((one for one in silences if one.holds(signal.at) and one.covering(signal.key)), None)


def _told_by(signal: Signal) -> dict[str, object]:
    return signal.model_dump(exclude={"state", "at"})
