"""From signals to alerts: what every watch hands over, judged against what stands. The worker calls it."""

from __future__ import annotations

from collections.abc import Iterable

from backend.domain.alerts import Alert
from backend.domain.signals import Signal
from backend.policy.alerting import judged
from backend.store import Store


class Alerting:
    """Repeating it is harmless: the same signal twice is one alert, whichever worker brings it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def judge(self, signals: Iterable[Signal]) -> tuple[Alert, ...]:
        """The alerts that these signals raised or changed. What people are told of goes through the outbox."""
        taken = (self._store.alerts.take_in(signal, judged) for signal in signals)
        return tuple(alert for alert in taken if alert is not None)
