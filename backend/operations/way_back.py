"""Which version a rollback returns to."""

from __future__ import annotations

from backend.domain.approvals import REJECTED
from backend.domain.promotions import Kind, Target
from backend.errors import NotFound, PolicyDenied
from backend.policy.approval import quarantined
from backend.store import Store


def earlier_target(store: Store, endpoint: str, to_version: str = "") -> Target:
    """The target that served before the present one came, or the named version if it ever served.

    Raises NotFound where there is none.
    """
    if to_version:
        fitting = store.promotions.successes(endpoint, 1, to_version)
        if not fitting:
            raise NotFound(f"v{to_version} has never served on {endpoint}; promote it instead.")
        return fitting[0].target
    served = store.promotions.successes(endpoint)
    now = served[0].target.deployment if served else ""
    came = next((s for s in served if s.kind is Kind.PROMOTE and s.target.deployment == now), None)
    found = next((s.target for s in served if came is not None and s.target.deployment == came.before), None)
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
