"""Whether an approval still holds: it is bound to everything that was looked at, and void when any of it changes."""

from __future__ import annotations

from backend.domain.decisions import Dossier
from backend.domain.registry import Approval


def standing_approval(dossier: Dossier) -> Approval | None:
    """The latest decision, if it approves what the version is now."""
    latest = next(iter(dossier.approvals), None)
    if latest is None or latest.decision != "approved" or void_because(dossier, latest):
        return None
    return latest


def void_because(dossier: Dossier, approval: Approval) -> str:
    """What has changed since, as the end of a sentence; "" where nothing has."""
    version, gates = dossier.version, dossier.gates
    bound = (
        ("model digest", approval.digest, version.digest),
        ("threshold", approval.threshold, version.threshold),
        ("commit", approval.commit, version.lineage.commit),
        ("data", approval.data_digest, version.lineage.data_digest),
        ("gate file", approval.gates, gates.digest if gates else ""),
    )
    changed = [name for name, then, now in bound if then != now]
    if not dossier.gates_are_current and "gate file" not in changed:
        changed.append("gate file")
    return f"it was for another {' and '.join(changed)}" if changed else ""


def rejection(dossier: Dossier) -> Approval | None:
    latest = next(iter(dossier.approvals), None)
    return latest if latest is not None and latest.decision == "rejected" else None
