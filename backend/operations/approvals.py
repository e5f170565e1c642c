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


def approval_of(
    dossier: Dossier,
    actor: Actor,
    decision: str,
    reason: str,
    key: str,
    at: datetime,
    acknowledged: tuple[str, ...] = (),
) -> Approval:
    """A decision bound to all that the version is now: what it was made of, its rules, its newest evidence."""
    version = dossier.version
    return Approval(
        id=key,
        model=version.name,
        version=version.version,
        digest=version.digest,
        threshold=version.threshold,
        decision=decision,
        actor=actor.name,
        reason=reason,
        evidence=dossier.newest_evidence,
        at=at,
        commit=version.lineage.commit,
        data_digest=version.lineage.data_digest,
        gates=dossier.gates.digest if dossier.gates else "",
        acknowledged=acknowledged,
    )


def approval_note(actor: Actor, approval: Approval, lineage: Lineage) -> Note:
    """The ledger row of a decision: what it is bound to, and where that came from, which only the registry held."""
    return Note(
        actor=actor.name,
        channel=actor.channel,
        action=f"version.{approval.decision.replace(' ', '_')}",
        subject=f"model/{approval.model}:{approval.version}",
        reason=approval.reason,
        after=approval.decision,
        detail={
            "digest": approval.digest,
            "threshold": approval.threshold,
            "evidence": approval.evidence,
            "commit": lineage.commit,
            "data_digest": approval.data_digest,
            "gates": approval.gates,
            "acknowledged": ", ".join(approval.acknowledged),
            "pull_request": lineage.pull_request,
            "author": lineage.author,
        },
    )


def deny(found: Iterable[Blocker], what: str) -> None:
    """Raises PolicyDenied with the sentences of the hard blockers, if there are any."""
    hard = sentences(blocker for blocker in found if blocker.hard)
    if hard:
        raise PolicyDenied(f"{what}. {_closed(hard)}", hard)


def accepted(found: Iterable[Blocker], acknowledged: Iterable[str], what: str) -> tuple[str, ...]:
    """What is acknowledged of what has to be. Raises PolicyDenied with what has not been."""
    told = set(acknowledged)
    open_ = [blocker for blocker in found if blocker.gate and blocker.gate not in told]
    if open_:
        names = ", ".join(blocker.gate for blocker in open_)
        said = sentences(open_)
        raise PolicyDenied(f"{what} before somebody has acknowledged {names}. {_closed(said)}", said)
    return tuple(blocker.gate for blocker in found if blocker.gate)


def _closed(said: Iterable[str]) -> str:
    """One after the other; a person's own reason seldom ends with a full stop."""
    return " ".join(one if one.endswith((".", "!", "?", "…")) else f"{one}." for one in said)
