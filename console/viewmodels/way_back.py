"""The versions that production can return to."""

from __future__ import annotations

from backend.domain.endpoints import Endpoint
from backend.domain.promotions import Kind, Phase, Promotion


def served(recent: tuple[Promotion, ...], endpoint_name: str, stable: str) -> tuple[str, ...]:
    """Versions that have served on this endpoint before, the latest first, without what serves now."""
    found = [
        promotion.target.version
        for promotion in recent
        if promotion.target.endpoint == endpoint_name
        and promotion.phase is Phase.SUCCEEDED
        and promotion.kind is not Kind.STAGE
        and promotion.target.deployment != stable
    ]
    return tuple(dict.fromkeys(found))


def was_sent_away(recent: tuple[Promotion, ...], endpoint_name: str, version: str) -> bool:
    """Whether production last left this version by a rollback: returning to it undoes that rollback."""
    done = [
        p
        for p in recent
        if p.target.endpoint == endpoint_name and p.phase is Phase.SUCCEEDED and p.kind is not Kind.STAGE
    ]
    newest = next((index for index, p in enumerate(done) if p.target.version == version), 0)
    return newest > 0 and done[newest - 1].kind is Kind.ROLL_BACK


def warm(endpoint: Endpoint | None, version: str) -> str:
    """The name of the deployment that still runs this version, "" where it would have to be created again."""
    if endpoint is None:
        return ""
    return next((d.name for d in endpoint.deployments if d.version == version), "")
