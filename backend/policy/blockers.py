"""What stands between a version and production, each with who can clear it. One list for page, button and CLI."""

from __future__ import annotations

from collections.abc import Iterable

from backend.domain.approvals import Override
from backend.domain.clock import stamp
from backend.domain.decisions import Blocker, Dossier
from backend.domain.endpoints import Endpoint
from backend.domain.gates import Finding, FindingState, GateRule
from backend.domain.people import Right, who_may
from backend.domain.promotions import Hold, Phase, Promotion, Target
from backend.domain.supply_chain import SupplyChain, watched_environment
from backend.domain.unexplained import UnexplainedEvent
from backend.policy.approval import missing_approval, quarantined
from backend.policy.findings import is_champion
from backend.policy.freezes import Frozen
from backend.policy.overriding import NEVER
from backend.policy.proving import split_in_words

WORKER = "the worker"
AUTHOR = "the author of the change"
GATE_FILE = "gate_file"
"""What is acknowledged where a change also changed the rules that judge it."""


def of_version(dossier: Dossier, champion: Target | None, found: tuple[Finding, ...]) -> tuple[Blocker, ...]:
    """Those that concern the version whatever the endpoint is doing: they refuse an approval too.

    `found` is what `findings` says of it against this champion.
    """
    structural = (
        _quarantine(dossier),
        _identity(dossier),
        _staging(dossier),
        _supply(dossier),
        _environment(dossier),
        _rollout(dossier),
        _gate_file(dossier),
    )
    return (*(one for one in structural if one), *of_gates(dossier, champion, found))


def of_gates(dossier: Dossier, champion: Target | None, found: tuple[Finding, ...]) -> tuple[Blocker, ...]:
    """A blocker for each gate that did not pass: hard or to be acknowledged, as the gate file says."""
    if is_champion(champion, dossier.version.digest, dossier.version.threshold):
        return ()
    leak = [_leak(f) for f in found if f.gate == "data" and not f.passed]
    unread = [_unread(f) for f in found if f.gate == "gates"] if dossier.staging is not None else []
    override = dossier.override
    return (*leak, *unread, *(_of_gate(f, f.rule, override) for f in found if f.rule is not None and not f.passed))


def _of_gate(finding: Finding, rule: GateRule, override: Override | None) -> Blocker:
    why = f"{finding.sentence} {rule.reason}"
    if override is not None and rule.hard and finding.gate in override.gates and finding.gate not in NEVER:
        by = f"{override.asked_by} and {override.confirmed_by}"
        past = f"BREAK-GLASS until {stamp(override.ends_at)} by {by}: {override.reason} {why}"
        return Blocker(what=finding.title, why=past, who="nobody has to now", hard=False, overridden=True)
    if finding.state in {FindingState.STALE, FindingState.NOT_RUN}:
        who = f"{who_may(Right.APPROVE)}, by testing it again"
    elif rule.hard:
        who = AUTHOR
    else:
        who = f"{who_may(Right.APPROVE)}, by acknowledging it"
    gate = "" if rule.hard else finding.gate
    return Blocker(what=finding.title, why=finding.sentence, who=who, hard=rule.hard, gate=gate, because=rule.reason)


def _leak(finding: Finding) -> Blocker:
    why = f"{finding.sentence} Such a comparison proves nothing."
    return Blocker(what="Data", why=why, who=AUTHOR)


def _unread(finding: Finding) -> Blocker:
    return Blocker(what="Gate file", why=finding.sentence, who=f"{who_may(Right.APPROVE)}, by testing it again")


def _gate_file(dossier: Dossier) -> Blocker | None:
    if dossier.gates is None or not dossier.gates.changed_with_model:
        return None
    why = "Since the commit that serves, the rules that judge a model have changed too. Read both before you go on."
    who = f"{who_may(Right.APPROVE)}, by acknowledging it"
    return Blocker(what="Gate file changed with the model", why=why, who=who, hard=False, gate=GATE_FILE)


def to_acknowledge(blockers: Iterable[Blocker]) -> tuple[str, ...]:
    """The names that whoever goes on has to acknowledge."""
    return tuple(blocker.gate for blocker in blockers if blocker.gate)


def of_approval(dossier: Dossier, *, can_approve: bool) -> tuple[Blocker, ...]:
    """What is missing of the approval: hard, unless the person looking can give the rest with the same click."""
    found = dossier.assent
    if found.complete:
        return ()
    why = missing_approval(dossier)
    return (Blocker(what="Approval", why=why, who=found.still_needed, hard=not can_approve),)


def _quarantine(dossier: Dossier) -> Blocker | None:
    held = dossier.quarantine
    if held is None:
        return None
    return Blocker(what="Quarantine", why=quarantined(dossier.version.version, held), who=who_may(Right.APPROVE))


def of_endpoint(
    target: Target, active: Promotion | None, hold: Hold | None, stable: Promotion | None
) -> tuple[Blocker, ...]:
    """Those that concern the endpoint: something is under way, it is on hold, or it serves this version already."""
    found = []
    if active is not None:
        what = f"v{active.target.version} by {active.requested_by} is {active.phase.value} on {target.endpoint}."
        found.append(Blocker(what="Active promotion", why=what, who=who_may(Right.CONTROL)))
    if hold is not None:
        why = f"{target.endpoint} is on hold since {stamp(hold.set_at)}: {hold.reason}"
        found.append(Blocker(what="Hold", why=why, who=who_may(Right.PROMOTE)))
    if stable is not None and stable.target.deployment == target.deployment:
        why = f"{target.endpoint} serves v{target.version} already."
        found.append(Blocker(what="Already serving", why=why, who="nobody needs to"))
    return tuple(found)


def of_events(unexplained: Iterable[UnexplainedEvent]) -> tuple[Blocker, ...]:
    """Whatever happened outside the console and has no explanation yet: nobody can answer for what comes after it."""
    return tuple(
        Blocker(
            what="Unexplained event",
            why=f"{event.sentence} {_whose(event)}",
            who=f"{who_may(Right.CONTROL)}, by explaining it",
        )
        for event in unexplained
    )


def _whose(event: UnexplainedEvent) -> str:
    return f"{event.owner} looks into it." if event.owner else "Nobody has taken it yet."


def of_production(target: Target, endpoint: Endpoint | None, expected_stable: str) -> tuple[Blocker, ...]:
    """Those that only the live endpoint can tell."""
    if endpoint is None:
        why = f"{target.endpoint} has not answered yet, so what it serves is not known."
        return (Blocker(what="Production", why=why, who=who_may(Right.SETUP)),)
    expected = {expected_stable: 100} if expected_stable else {}
    if endpoint.live != expected:
        live, told = split_in_words(endpoint.live), split_in_words(expected)
        why = f"{target.endpoint} serves {live}, the ledger says {told}: it was changed elsewhere."
        return (Blocker(what="Production", why=why, who=who_may(Right.CONTROL)),)
    return ()


def of_window(closed: Frozen | None) -> tuple[Blocker, ...]:
    """A freeze clears by itself; nobody needs to."""
    if closed is None:
        return ()
    why = f"{closed.sentence} Rolling back is possible at any time."
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


def supply_of(dossier: Dossier) -> SupplyChain | None:
    """The newest finding about exactly this digest."""
    about = (e for e in dossier.evidence if e.model_digest == dossier.version.digest)
    return next((e.supply_chain for e in about if e.supply_chain is not None), None)


def _supply(dossier: Dossier) -> Blocker | None:
    found = supply_of(dossier)
    if found is None:
        if dossier.staging is None or not dossier.staging.phase.final:
            return None
        why = "What its files are and what loading them does was never looked at; the test does that."
        return Blocker(what="Supply chain", why=why, who=f"{who_may(Right.APPROVE)}, by testing it again")
    if not found.refusals:
        return None
    return Blocker(
        what="Supply chain", why=f"{'. '.join(found.refusals)}.", who="train and register it through the pipeline"
    )


def _environment(dossier: Dossier) -> Blocker | None:
    """The same name with another definition: what was tested is not what would be deployed."""
    found, now = supply_of(dossier), dossier.environment_now
    if found is None or found.environment is None or now in {"", found.environment.digest}:
        return None
    name = watched_environment(found.environment.asset).removeprefix("environment/")
    why = f"The environment {name} is another than the one v{dossier.version.version} was tested in."
    return Blocker(what="Environment", why=why, who=f"{who_may(Right.APPROVE)}, by testing it again")


def _rollout(dossier: Dossier) -> Blocker | None:
    if dossier.rollout is not None:
        return None
    why = "The rollout plan of its commit has not been read; the test does that."
    return Blocker(what="Rollout", why=why, who=WORKER)
