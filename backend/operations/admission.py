"""Deciding at the click: all that stood on the page is judged once more, in the transaction that records it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from backend.domain.approvals import APPROVED
from backend.domain.decisions import Blocker, Dossier, Rollout, Seen
from backend.domain.people import Actor
from backend.domain.promotions import Target
from backend.domain.registry import ModelVersion
from backend.errors import Conflict, PolicyDenied
from backend.operations import judging
from backend.operations.approvals import accepted, approval_note, approval_of, deny
from backend.operations.council import council_of, require_may_approve, require_may_promote
from backend.operations.decision import Situation, can_complete, dossier_of
from backend.policy.approval import standing_approval
from backend.policy.findings import findings
from backend.policy.freezes import frozen
from backend.policy.seen import refuse_if_changed, seen_of
from backend.promotion.target import target_on
from backend.settings_project import Project
from backend.store import Store

APPROVAL_SUFFIX = "-approval"


@dataclass(frozen=True, slots=True)
class Click:
    """Who wants which version in production, and what they looked at.

    `acknowledged` names advisory gates; None where an approval that stands has acknowledged for it. The click approves
    too, where it is `approving`.
    """

    actor: Actor
    version: ModelVersion
    expected_stable: str
    reason: str
    key: str
    acknowledged: tuple[str, ...] | None
    seen: Seen | None
    approving: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """A click that nothing stands against but what it goes past by break-glass."""

    dossier: Dossier
    situation: Situation
    target: Target
    rollout: Rollout
    overridden: tuple[str, ...]

    def approvers(self, click: Click) -> tuple[str, ...]:
        """Whose approvals the promotion rests on: those that count at the click, and its own."""
        given = (approval.actor for approval in self.dossier.assent.counted)
        return tuple(dict.fromkeys((*([click.actor.name] if click.approving else []), *given)))


def admit(store: Store, project: Project, click: Click, now: datetime, within: Connection) -> Admitted:
    """Judge a click and record what it was judged on, its own approval included.

    The same click again is not judged again: by now it may well be in its own way. Raises NotPermitted, PolicyDenied
    with the decision page's blockers, and Conflict where what was seen is no longer so.
    """
    dossier = dossier_of(store, project, click.version, now)
    situation = Situation(store, project)
    acknowledged = click.acknowledged
    found: tuple[Blocker, ...] = ()
    if store.promotions.find(click.key) is None:
        found = _against(store, project, click, dossier, situation, now, within)
        acknowledged = _admitted(dossier, found, acknowledged)
    if dossier.rollout is None:
        raise PolicyDenied(f"{_cannot(click.version)}: its rollout plan has not been read.", ())
    told = acknowledged or ()
    if click.approving:
        approval = approval_of(dossier, click.actor, APPROVED, click.reason, click.key + APPROVAL_SUFFIX, now, told)
        store.approvals.record(approval, approval_note(click.actor, approval, click.version.lineage), within)
    past = tuple(blocker.what for blocker in found if blocker.overridden)
    return Admitted(dossier, situation, target_on(project.endpoint, dossier.version), dossier.rollout, past)


def _against(
    store: Store,
    project: Project,
    click: Click,
    dossier: Dossier,
    situation: Situation,
    now: datetime,
    within: Connection,
) -> tuple[Blocker, ...]:
    """What is in the way of the click, which has to come from whoever may and to be about what is so now."""
    council = council_of(store, project, (click.actor.name,), now)
    if click.approving:
        require_may_approve(dossier, council, click.actor)
    require_may_promote(dossier, council, click.actor, approving=click.approving)
    same_production(situation, click.expected_stable)
    if click.seen is not None:
        refuse_if_changed(click.seen, seen_of(dossier, situation.expected_stable))
    completes = click.approving and can_complete(dossier, council, click.actor)
    target, closed = target_on(project.endpoint, dossier.version), frozen(project.freeze, now)
    judged = findings(dossier, situation.champion)
    found = situation.blockers(dossier, judged, target, closed, now, can_approve=completes)
    judging.record(store, click.actor, dossier, situation.champion, judged, within)
    return found


def _admitted(dossier: Dossier, found: tuple[Blocker, ...], acknowledged: tuple[str, ...] | None) -> tuple[str, ...]:
    """What this click acknowledges, or the approval that stands did, where a click brings none. Raises PolicyDenied."""
    what, approval = _cannot(dossier.version), standing_approval(dossier)
    deny(found, what)
    told = acknowledged if acknowledged is not None else approval.acknowledged if approval else ()
    return accepted(found, told, what)


def _cannot(version: ModelVersion) -> str:
    return f"v{version.version} cannot be promoted"


def same_production(situation: Situation, expected_stable: str) -> None:
    """Raises Conflict if production has moved since the page was drawn."""
    if expected_stable == situation.expected_stable:
        return
    now, seen = situation.expected_stable or "nothing", expected_stable or "nothing"
    raise Conflict(
        f"Production has moved: {situation.endpoint} serves {now} by the ledger, the page showed {seen}. Look again.",
        expected=expected_stable,
        actual=situation.expected_stable,
    )
