"""Webhooks of GitHub: who rings is proved, and what they say is not believed. A ring only means: look again.

So nothing can go wrong by order: a delivery that is lost, late, doubled or forged changes when we look, never what we
see. https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import SecretStr

from backend.domain.clock import Clock, stamp
from backend.errors import Conflict, Invalid, NotFound, NotPermitted
from backend.store import Store

ALGORITHM = "sha256="
PING = "ping"
_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_NAME = re.compile(r"[a-z_]{1,60}")


class Letter:
    """A delivery while its bytes arrive; none of them is kept."""

    def __init__(self, secret: SecretStr) -> None:
        self._digest = hmac.new(secret.get_secret_value().encode(), digestmod=hashlib.sha256)

    def read(self, chunk: bytes) -> None:
        self._digest.update(chunk)

    def signed(self, signature: str) -> bool:
        """Whether the sender of these bytes holds our secret; compared in constant time."""
        return hmac.compare_digest(f"{ALGORITHM}{self._digest.hexdigest()}".encode(), signature.encode())


class Doorbell:
    """`secret` is what setup gave GitHub; without one nobody can ring."""

    def __init__(self, store: Store, secret: SecretStr) -> None:
        self._store = store
        self._secret = secret

    def letter(self) -> Letter:
        """Raises NotFound where there is no secret to compare with."""
        if not self._secret.get_secret_value():
            raise NotFound("Webhooks are not set up here: github.webhook_secret is empty.")
        return Letter(self._secret)

    def take(self, letter: Letter, *, signature: str, delivery: str, event: str) -> None:
        """Take a delivery that was read whole.

        Raises NotPermitted for a signature that is not ours, Invalid without an id or an event, Conflict for what was
        taken before, and RemoteUnavailable while the database is away.
        """
        if not letter.signed(signature):
            raise NotPermitted("The signature is not the one of github.webhook_secret.")
        if not _ID.fullmatch(delivery) or not _NAME.fullmatch(event):
            raise Invalid("X-GitHub-Delivery or X-GitHub-Event is missing or not of GitHub's form.")
        before = self._store.webhooks.take(delivery, signature, ring=event != PING)
        if before is not None:
            raise Conflict(
                f"This delivery was taken already, {stamp(before)}; nothing was done a second time.",
                expected="a delivery that is new",
                actual=delivery,
            )

    def rung(self) -> str:
        """Another text whenever GitHub rang, at whichever of our processes."""
        return self._store.webhooks.rung()


class Rounds:
    """Work done every `every` seconds, and soon after GitHub rang; `spacing` is the least time between two."""

    def __init__(
        self, work: Callable[[], None], rung: Callable[[], str], every: float, spacing: float, clock: Clock
    ) -> None:
        self._work = work
        self._rung = rung
        self._every = timedelta(seconds=every)
        self._spacing = timedelta(seconds=spacing)
        self._clock = clock
        self._last: datetime | None = None
        self._seen = ""

    def look(self) -> bool:
        """Do the work if it is due. A failure counts as done: the next try is at the next ring or round."""
        now, rung = self._clock(), self._rung()
        since = None if self._last is None else now - self._last
        if since is not None and since < (self._spacing if rung != self._seen else self._every):
            return False
        self._last, self._seen = now, rung
        self._work()
        return False
