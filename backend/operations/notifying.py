"""The worker's outbox: what people are told of is sent to the targets of the settings. Nothing waits for it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import timedelta

from backend.domain.clock import Clock
from backend.domain.notifications import Notification, NotificationKind, Sending, pause_after
from backend.errors import RemoteRejected, RemoteUnavailable
from backend.gateways.targets import FORMS, SECONDS, send
from backend.settings import Target
from backend.store import Store

LEASE = timedelta(seconds=4 * SECONDS)
"""A worker that died while it sent leaves the sending to others after this time; it may then arrive twice."""


class Notifying:
    """`console` is the public address that links begin with."""

    def __init__(
        self, store: Store, targets: Mapping[str, Target], console: str, tls: ssl.SSLContext, clock: Clock
    ) -> None:
        self._store = store
        self._targets = targets
        self._console = console
        self._tls = tls
        self._clock = clock

    def hand_over(self) -> bool:
        """Address what the ledger has told since; whether there was anything."""
        wanted = {name: kinds_of(target) for name, target in self._targets.items()}
        return self._store.notifications.hand_over(wanted) > 0

    def send_next(self) -> bool:
        """Send the one that is due longest; whether there was one."""
        claimed = self._store.notifications.claim(LEASE)
        if claimed is None:
            return False
        told, sending = claimed
        target = self._targets.get(sending.target)
        if target is None:
            self._settle(sending, "This target is no longer in the settings.", None)
            return True
        try:
            deliver(sending.target, target, told, self._console, self._tls)
        except RemoteUnavailable as error:
            pause = pause_after(sending.attempts)
            wait = None if pause is None else max(pause, timedelta(seconds=error.retry_after or 0))
            self._settle(sending, str(error), wait)
        except RemoteRejected as error:
            self._settle(sending, str(error), None)
        else:
            self._store.notifications.settle(sending, "", None, sent=True)
        return True

    def _settle(self, sending: Sending, outcome: str, wait: timedelta | None) -> None:
        again = None if wait is None else self._clock() + wait
        self._store.notifications.settle(sending, outcome, again, sent=False)


def kinds_of(target: Target) -> frozenset[NotificationKind]:
    """The kinds a target is told of: those that it names, or all."""
    return frozenset(NotificationKind(name) for name in target.events) or frozenset(NotificationKind)


def deliver(name: str, target: Target, told: Notification, console: str, tls: ssl.SSLContext) -> None:
    """One notification in the target's form, with the whole address of its page."""
    card = FORMS[target.form](told, f"{console.rstrip('/')}{told.link}")
    send(name, target.url, card, tls)
