"""What stands between a version and production, each with who can clear it. One list for page, button and CLI."""

from __future__ import annotations

from collections.abc import Iterable

from backend.domain.decisions import Blocker, Dossier
from backend.domain.endpoints import Endpoint
from backend.domain.gates import Finding, FindingState, GateRule
from backend.domain.people import Right, who_may
from backend.domain.promotions import Hold, Phase, Promotion, Target
from backend.policy.approval import rejection, standing_approval, void_because
from backend.policy.findings import findings
from backend.policy.freezes import Frozen

WORKER = "the worker"
AUTHOR = "the author of the change"
GATE_FILE = "gate_file"
"""What is acknowledged where a change also changed the rules that judge it."""


def of_version(dossier: Dossier, champion: Target | None) -> tuple[Blocker, ...]:
    """Those that concern the version whatever the endpoint is doing: they refuse an approval too."""
    structural = (_identity(dossier), _staging(dossier), _rollout(dossier), _gate_file(dossier))
    return (*(found for found in structural if found), *of_gates(dossier, champion))


def of_gates(dossier: Dossier, champion: Target | None) -> tuple[Blocker, ...]:
    """A blocker for each gate that did not pass: hard or to be acknowledged, as the gate file says."""
    if champion is not None and champion.digest == dossier.version.digest:
        return ()
    found = findings(dossier, champion)
    leak = [_leak(f) for f in found if f.gate == "data" and not f.passed]
    unread = [_unread(f) for f in found if f.gate == "gates"] if dossier.staging is not None else []
    return (*leak, *unread, *(_of_gate(f, f.rule) for f in found if f.rule is not None and not f.passed))


def _of_gate(finding: Finding, rule: GateRule) -> Blocker:
    if finding.state in {FindingState.STALE, FindingState.NOT_RUN}:
        who = f"{who_may(Right.APPROVE)}, by testing it again"
    elif rule.hard:
        who = AUTHOR
    else:
        who = f"{who_may(Right.APPROVE)}, by acknowledging it"
    why = f"{finding.sentence} {rule.reason}"
    return Blocker(what=finding.title, why=why, who=who, hard=rule.hard, gate="" if rule.hard else finding.gate)


def _leak(finding: Finding) -> Blocker:
    why = f"{finding.sentence} Such a comparison proves nothing."
    return Blocker(what="Data", why=why, who=AUTHOR)


def _unread(finding: Finding) -> Blocker:
    return Blocker(what="Gate file", why=finding.sentence, who=f"{who_may(Right.APPROVE)}, by testing it again")


def _gate_file(dossier: Dossier) -> Blocker | None:
    if dossier.gates is None or not dossier.gates.changed_with_model:
        return None
    why = "The change that made this version also changed the rules that judge it. Read both before you go on."
    who = f"{who_may(Right.APPROVE)}, by acknowledging it"
    return Blocker(what="Gate file changed with the model", why=why, who=who, hard=False, gate=GATE_FILE)


def to_acknowledge(blockers: Iterable[Blocker]) -> tuple[str, ...]:
    """The names that whoever goes on has to acknowledge."""
    return tuple(blocker.gate for blocker in blockers if blocker.gate)


def of_approval(dossier: Dossier, *, can_approve: bool) -> tuple[Blocker, ...]:
    """The missing approval: hard, unless the person looking can give it with the same click."""
    rejected = rejection(dossier)
    if rejected is not None:
        why = f"Rejected by {rejected.actor}: {rejected.reason}"
        return (Blocker(what="Approval", why=why, who=who_may(Right.APPROVE), hard=not can_approve),)
    if standing_approval(dossier) is not None:
        return ()
    version = dossier.version.version
    latest = next(iter(dossier.approvals), None)
    void = f"The approval of v{version} is void: {void_because(dossier, latest)}." if latest else ""
    why = void or f"v{version} has not been approved."
    return (Blocker(what="Approval", why=why, who=who_may(Right.APPROVE), hard=not can_approve),)


def of_endpoint(
    target: Target, active: Promotion | None, hold: Hold | None, stable: Promotion | None
) -> tuple[Blocker, ...]:
    """Those that concern the endpoint: something is under way, it is on hold, or it serves this version already."""
    found = []
    if active is not None:
        what = f"v{active.target.version} by {active.requested_by} is {active.phase.value} on {target.endpoint}."
        found.append(Blocker(what="Active promotion", why=what, who=who_may(Right.CONTROL)))
    if hold is not None:
        why = f"{target.endpoint} is on hold since {hold.set_at:%d %b %H:%M} UTC: {hold.reason}"
        found.append(Blocker(what="Hold", why=why, who=who_may(Right.PROMOTE)))
    if stable is not None and stable.target.deployment == target.deployment:
        why = f"{target.endpoint} serves v{target.version} already."
        found.append(Blocker(what="Already serving", why=why, who="nobody needs to"))
    return tuple(found)


def of_production(target: Target, endpoint: Endpoint | None, expected_stable: str) -> tuple[Blocker, ...]:
    """Those that only the live endpoint can tell."""
    if endpoint is None:
        why = f"{target.endpoint} has not answered yet, so what it serves is not known."
        return (Blocker(what="Production", why=why, who=who_may(Right.SETUP)),)
    live = endpoint.stable or ""
    if live != expected_stable:
        told = expected_stable or "nothing"
        why = f"{target.endpoint} serves {live or 'nothing'}, the ledger says {told}: it was changed elsewhere."
        return (Blocker(what="Production", why=why, who=who_may(Right.CONTROL)),)
    return ()


def of_window(closed: Frozen | None) -> tuple[Blocker, ...]:
    """A freeze clears by itself; nobody needs to."""
    if closed is None:
        return ()
    why = f"{closed.sentence}. Rolling back is possible at any time."
    return (Blocker(what="Window", why=why, who="nobody needs to: it ends by itself", until=closed.until),)


def sentences(blockers: Iterable[Blocker]) -> tuple[str, ...]:
    return tuple(f"{blocker.what}: {blocker.why}" for blocker in blockers)


def _identity(dossier: Dossier) -> Blocker | None:
    version = dossier.version
    if version.archived:
        return Blocker(
            what="Archived", why=f"v{version.version} is archived in the registry.", who=who_may(Right.APPROVE)
        )
    missing = [n for n in ("commit", "run", "environment") if not getattr(version.lineage, n)]
    missing += [] if version.digest else ["digest"]
    if missing:
        why = f"v{version.version} was registered without {', '.join(missing)}, so nobody can tell what it was made of."
        return Blocker(what="Lineage", why=why, who="train and register it through the pipeline")
    return None


def _staging(dossier: Dossier) -> Blocker | None:
    version, staging = dossier.version, dossier.staging
    if staging is None:
        return Blocker(what="Test", why=f"v{version.version} has not been tested on the test endpoint yet.", who=WORKER)
    if staging.target.digest != version.digest or staging.target.threshold != version.threshold:
        why = f"v{version.version} was tested with another digest or threshold than it has now."
        return Blocker(what="Test", why=why, who=who_may(Right.APPROVE))
    if staging.phase is Phase.SUCCEEDED:
        return None
    if staging.phase.final:
        return Blocker(what="Test", why=f"The test did not pass. {staging.reason}", who="the author of the change")
    return Blocker(what="Test", why=f"The test is {staging.phase.value}. {staging.reason}", who=WORKER)


def _rollout(dossier: Dossier) -> Blocker | None:
    if dossier.rollout is not None:
        return None
    why = "The rollout plan of its commit has not been read; the test does that."
    return Blocker(what="Rollout", why=why, who=WORKER)
