"""The versions that production can return to."""

from __future__ import annotations

from backend.domain.endpoints import Endpoint
from backend.domain.promotions import Kind, Success


def served(successes: tuple[Success, ...], stable: str) -> tuple[str, ...]:
    """Versions that have served before, the latest first, without what serves now."""
    found = (success.target.version for success in successes if success.target.deployment != stable)
    return tuple(dict.fromkeys(found))


def was_sent_away(successes: tuple[Success, ...], version: str) -> bool:
    """Whether production last left this version by a rollback: returning to it undoes that rollback."""
    newest = next((index for index, success in enumerate(successes) if success.target.version == version), 0)
    return newest > 0 and successes[newest - 1].kind is Kind.ROLL_BACK


def warm(endpoint: Endpoint | None, version: str) -> str:
    """The name of the deployment that still runs this version, "" where it would have to be created again."""
    if endpoint is None:
        return ""
    return next((d.name for d in endpoint.deployments if d.version == version), "")
