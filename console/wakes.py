"""When GitHub rings, at this console or at another one, what pages show of it is read again.

Rings are counted: those of a busy hour together cost no more of GitHub's rate limit than a share set aside for them,
and what is not looked at for a ring is at the next round of polling.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from backend.errors import BackendError

log = logging.getLogger("console.wakes")

LOOK_SECONDS = 0.5
"""Between two looks at our own database for a ring that another process took."""
SPACING = 3.0
"""The first ring is followed at once; those that follow within this time by one look together."""
MOST, REFILL_SECONDS = 12, 45.0
"""With the board's round of 25 s: 144 + 80 looks an hour, below 5 % of GitHub's 5,000 points."""


class Allowance:
    """Looks that may be taken out of turn; `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = float(MOST)
        self._at = clock()
        self._taken = -SPACING

    def take(self) -> bool:
        """Whether a look may be taken now, which is then counted."""
        now = self._clock()
        self._left = min(MOST, self._left + (now - self._at) / REFILL_SECONDS)
        self._at = now
        if now - self._taken < SPACING or self._left < 1:
            return False
        self._left -= 1
        self._taken = now
        return True


class Wakes:
    """A thread that compares the mark of the last ring, and calls `look` when it is another one."""

    def __init__(
        self, rung: Callable[[], str], look: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rung = rung
        self._look = look
        self._allowance = Allowance(clock)
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._follow, name="wakes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        self._stopping = True
        self._woken.set()
        self._thread.join(timeout)

    def now(self) -> None:
        """A ring was taken by this very process: do not wait for the next look."""
        self._woken.set()

    def _follow(self) -> None:
        seen: str | None = None
        owed, trouble = False, ""
        while not self._stopping:
            try:
                rung = self._rung()
                owed, seen, trouble = owed or seen not in {None, rung}, rung, ""
            except BackendError as error:
                if str(error) != trouble:
                    log.warning("cannot hear whether GitHub rang: %s", error)
                trouble = str(error)
            if owed and self._allowance.take():
                owed = False
                self._look()
            self._woken.wait(LOOK_SECONDS)
            self._woken.clear()
