"""GitHub's primary rate limits: so many calls, or GraphQL points, per account and clock hour."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sandbox.github.access import Caller
from sandbox.github.errors import GitHubError
from sandbox.world import World

HOUR_SECONDS = 3_600
LIMITS = {"person": 5_000, "app": 15_000}


@dataclass(slots=True)
class Quota:
    """What one account has used of one resource in the current hour; safe from any thread."""

    resource: str
    limit: int
    reset: int
    account: str
    used: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def charge(self, cost: int) -> None:
        """Count the call, or refuse it in GitHub's words when the hour's limit is used up."""
        with self._lock:
            if cost > 0 and self.used + cost > self.limit:
                message = f"API rate limit exceeded for {self.account}."
                raise GitHubError(403, message, headers=self._headers())
            self.used = max(self.used + cost, 0)

    @property
    def remaining(self) -> int:
        return self.limit - self.used

    def headers(self) -> dict[str, str]:
        with self._lock:
            return self._headers()

    def _headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Resource": self.resource,
        }


_quotas: dict[tuple[str, str, str], Quota] = {}
_guard = threading.Lock()


def quota_of(world: World, caller: Caller, resource: str) -> Quota:
    """The account's counter of this hour; kept in memory, so a restart begins a new one."""
    key = (str(world.settings.home), caller.login, resource)
    now = int(world.now().timestamp())
    with _guard:
        quota = _quotas.get(key)
        if quota is None or now >= quota.reset:
            kind = "person" if caller.person is not None else "app"
            who = f"user ID {caller.number}" if kind == "person" else f"installation ID {caller.number}"
            quota = _quotas[key] = Quota(resource, LIMITS[kind], now + HOUR_SECONDS, who)
        return quota
