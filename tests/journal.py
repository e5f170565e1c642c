"""What a sandbox was asked: the journal of its control page, which leaves itself out."""

from __future__ import annotations

from typing import Any, Protocol

import httpx


class World(Protocol):
    """Anything that knows where the sandbox's pages for people are."""

    @property
    def browser_url(self) -> str: ...


def requests_of(world: World, **asked: str) -> list[dict[str, Any]]:
    """Of the newest 5,000 requests those that match: `service`, `contains`."""
    query = {"limit": "5000", **asked}
    answer = httpx.get(f"{world.browser_url}/control/journal", params=query, timeout=20)
    found: list[dict[str, Any]] = answer.raise_for_status().json()["requests"]
    return found
