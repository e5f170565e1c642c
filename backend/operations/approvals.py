"""Approvals as records: what they are bound to, and what refuses them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from backend.domain.decisions import Blocker, Dossier
from backend.domain.people import Actor
from backend.domain.registry import Approval, Lineage
from backend.errors import PolicyDenied
from backend.policy.blockers import sentences
from backend.store.audit import Note


def approval_of(dossier: Dossier, actor: Actor, decision: str, reason: str, key: str, at: datetime) -> Approval:
    """A decision bound to the digest, the threshold and the newest evidence of the version as it is now."""
    version = dossier.version
    evidence = next((e.digest for e in dossier.evidence if e.model_digest == version.digest), "")
    return Approval(
        id=key,
        model=version.name,
        version=version.version,
        digest=version.digest,
        threshold=version.threshold,
        decision=decision,
        actor=actor.name,
        reason=reason,
        evidence=evidence,
        at=at,
    )


def approval_note(actor: Actor, approval: Approval, lineage: Lineage) -> Note:
    """The ledger row of a decision: what it is bound to, and where that came from, which only the registry held."""
    return Note(
        actor=actor.name,
        channel=actor.channel,
        action=f"version.{approval.decision}",
        subject=f"model/{approval.model}:{approval.version}",
        reason=approval.reason,
        after=approval.decision,
        detail={
            "digest": approval.digest,
            "threshold": approval.threshold,
            "evidence": approval.evidence,
            "commit": lineage.commit,
            "pull_request": lineage.pull_request,
            "author": lineage.author,
        },
    )


def deny(found: Iterable[Blocker], what: str) -> None:
    """Raises PolicyDenied with the sentences of the hard blockers, if there are any."""
    hard = sentences(blocker for blocker in found if blocker.hard)
    if hard:
        raise PolicyDenied(f"{what}. {' '.join(hard)}", hard)
