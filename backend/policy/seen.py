"""Whether what somebody decided on is still what there is. Pure."""

from __future__ import annotations

from backend.domain.decisions import Dossier, Seen
from backend.errors import Conflict

NAMES = {
    "stable": "production",
    "threshold": "threshold",
    "gates": "gate file",
    "decision": "approvals",
    "evidence": "evidence",
}


def seen_of(dossier: Dossier, stable: str) -> Seen:
    """All that a decision about this version rests on, now."""
    newest, gates = next(iter(dossier.approvals), None), dossier.gates
    return Seen(
        stable=stable,
        threshold=dossier.version.threshold,
        gates=gates.digest if gates and dossier.gates_are_current else "",
        decision=newest.id if newest else "",
        evidence=dossier.newest_evidence,
    )


def refuse_if_changed(then: Seen, now: Seen) -> None:
    """Raises Conflict that names each thing that changed, from what to what."""
    changed = [name for name in NAMES if getattr(then, name) != getattr(now, name)]
    if not changed:
        return
    told = "; ".join(f"{NAMES[name]} {_shown(then, name)} → {_shown(now, name)}" for name in changed)
    raise Conflict(
        f"What you looked at has changed since: {told}. Nothing was done; look again.",
        expected=", ".join(_shown(then, name) for name in changed),
        actual=", ".join(_shown(now, name) for name in changed),
    )


def _shown(seen: Seen, name: str) -> str:
    value = getattr(seen, name)
    if name == "threshold":
        return f"{value:g}"
    return value.removeprefix("sha256:")[:12] or "none"
