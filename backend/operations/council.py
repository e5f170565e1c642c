"""Who has a say about a version at a moment: the rules, the accounts behind GitHub logins, the delegations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from backend.domain.approvals import ApprovalRules
from backend.domain.decisions import Dossier
from backend.domain.people import Actor, Right
from backend.errors import NotPermitted
from backend.operations.authorise import refusal
from backend.policy.approval import Council
from backend.policy.duty import may_not_approve, may_not_promote
from backend.settings_project import Project
from backend.store import Store


def rules_of(project: Project) -> ApprovalRules:
    return ApprovalRules.model_validate(project.approval.model_dump())


def council_of(store: Store, project: Project, people: Iterable[str], now: datetime) -> Council:
    """`people` are the accounts whose GitHub logins matter: those who decided, and whoever asks."""
    rules = rules_of(project)
    logins = {name: store.tokens.login(name) for name in dict.fromkeys(people)}
    return Council(
        rules=rules,
        logins={name: login for name, login in logins.items() if login},
        delegations=store.delegations.every() if rules.required else (),
        now=now,
    )


def duty(dossier: Dossier, council: Council, actor: Actor) -> tuple[str, str]:
    """Why this person may not approve, and why they may not promote: by what they made, not by their role."""
    names = council.names(actor.name)
    return may_not_approve(council.rules, dossier, names), may_not_promote(council.rules, dossier, names)


def require_may_approve(dossier: Dossier, council: Council, actor: Actor) -> None:
    """Raises NotPermitted for whoever made the version."""
    sentence, _ = duty(dossier, council, actor)
    if sentence:
        raise NotPermitted(sentence)


def require_may_promote(dossier: Dossier, council: Council, actor: Actor, *, approving: bool) -> None:
    """Raises NotPermitted for whoever made the version or, where the rules part the two, approved it."""
    _, sentence = duty(dossier, council, actor)
    sentence = sentence or (both_at_once(dossier, council) if approving else "")
    if sentence:
        raise NotPermitted(sentence)


def both_at_once(dossier: Dossier, council: Council) -> str:
    """Why nobody may approve and promote with one click; "" where one may."""
    if council.rules.approver_may_promote:
        return ""
    version = dossier.version.version
    return f"Who approves may not promote here: approve v{version}, and let another lead promote it."


def cannot_promote(dossier: Dossier, council: Council, actor: Actor) -> str:
    """Why the page's main button does nothing for this person."""
    not_approve, not_promote = duty(dossier, council, actor)
    by_role = refusal(actor, Right.PROMOTE)
    if by_role or not_promote or dossier.assent.complete:
        return by_role or not_promote
    return not_approve or both_at_once(dossier, council)


def cannot_approve(dossier: Dossier, council: Council, actor: Actor) -> str:
    """Why an approval by this person would be refused, or change nothing."""
    not_approve, _ = duty(dossier, council, actor)
    found, version = dossier.assent, dossier.version.version
    said = refusal(actor, Right.APPROVE) or not_approve
    if said:
        return said
    if found.complete:
        return "Approved already."
    # Who stands in since then for somebody who is still awaited has more to say than before.
    stands_in = any(actor.name.casefold() == name.casefold() for one in found.awaited for name, _ in one.delegates)
    if not stands_in and any(approval.actor == actor.name for approval in found.counted):
        return f"You have approved v{version} already; others are still needed."
    return ""
