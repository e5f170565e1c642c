"""The two keys of an endpoint: who is seen to use which, and replacing one of them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value

MARK_DIGITS = 8


class Which(StrEnum):
    PRIMARY = "primary"
    SECONDARY = "secondary"

    @property
    def other(self) -> Which:
        return Which.SECONDARY if self is Which.PRIMARY else Which.PRIMARY


class Keys(Value):
    """Both keys, as read for somebody who may; never kept and never logged."""

    primary: str
    secondary: str

    def of(self, which: Which) -> str:
        return self.primary if which is Which.PRIMARY else self.secondary


def key_mark(key: str) -> str:
    """The first hex digits of the key's sha256, which our clients put into their User-Agent.

    Of a random key of 43 characters they tell nobody anything.
    """
    return hashlib.sha256(key.encode()).hexdigest()[:MARK_DIGITS]


class Caller(Value):
    """What one User-Agent did in a window; `denied` are answers of 401."""

    user_agent: str
    requests: int
    denied: int
    last: datetime


class KeyStanding(Value):
    """One key by what callers say of themselves. `last` is None where nobody said it in the window."""

    which: Which
    mark: str
    requests: int
    last: datetime | None
    callers: tuple[str, ...]


class KeyUse(Value):
    """Who used which key in a window, as far as the traffic log tells.

    Azure logs no key, so this rests on what callers write into their User-Agent. `unstated` are answered calls that
    say nothing about a key: they use one of the two, and nobody can say which. `denied` are calls with a wrong key.
    """

    endpoint: str
    start: datetime
    end: datetime
    data_until: datetime | None
    keys: tuple[KeyStanding, ...]
    unstated: int
    unstated_callers: tuple[str, ...]
    denied: int
    denied_callers: tuple[str, ...]

    def of(self, which: Which) -> KeyStanding:
        return next(standing for standing in self.keys if standing.which is which)


class RotationState(StrEnum):
    WANTED = "wanted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class KeyRotation(Value):
    """A wish to replace one key, and what came of it."""

    id: str
    endpoint: str
    which: Which
    asked_by: str
    reason: str
    asked_at: datetime
    state: RotationState
    outcome: str = ""
    finished_at: datetime | None = None
