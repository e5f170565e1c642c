"""Which version a rollback returns to."""

from __future__ import annotations

from backend.domain.approvals import REJECTED
from backend.domain.promotions import Kind, Phase, Target
from backend.errors import NotFound, PolicyDenied
from backend.policy.approval import quarantined
from backend.store import Store


def earlier_target(store: Store, endpoint: str, to_version: str = "") -> Target:
    """The target that served before the present one came, or the named version if it ever served.

    Raises NotFound where there is none.
    """
    served = [
        p for p in store.promotions.on_endpoint(endpoint) if p.phase is Phase.SUCCEEDED and p.kind is not Kind.STAGE
    ]
    if to_version:
        fitting = [p.target for p in served if p.target.version == to_version]
        if not fitting:
            raise NotFound(f"v{to_version} has never served on {endpoint}; promote it instead.")
        return fitting[-1]
    now = served[-1].target.deployment if served else ""
    came = next((p for p in reversed(served) if p.kind is Kind.PROMOTE and p.target.deployment == now), None)
    before = came.snapshot.stable if came is not None and came.snapshot is not None else None
    found = next((p.target for p in reversed(served) if p.target.deployment == before), None)
    if found is None:
        raise NotFound(f"Nothing served on {endpoint} before what serves now, so there is nothing to return to.")
    return found


def refuse_rejected(store: Store, target: Target) -> None:
    """Raises PolicyDenied for a version that was rejected after it had served."""
    latest = next(iter(store.approvals.of_version(target.model, target.version)), None)
    if latest is not None and latest.decision == REJECTED:
        why = f"Rejected: {latest.actor} rejected v{target.version}: {latest.reason}"
        raise PolicyDenied(f"v{target.version} may not serve again. {why}", (why,))


def refuse_quarantined(store: Store, target: Target) -> None:
    """Raises PolicyDenied for a version that may run nowhere."""
    held = store.quarantines.on(target.model, target.version, target.digest)
    if held is not None:
        why = f"Quarantine: {quarantined(target.version, held)}"
        raise PolicyDenied(f"v{target.version} may not serve again. {why}", (why,))
