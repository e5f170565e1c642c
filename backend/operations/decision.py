"""Our own records about a version put together, and what they decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.decisions import Blocker, Decision, Dossier, Rollout, WayBack
from backend.domain.endpoints import Endpoint
from backend.domain.gates import GATES_PATH, Finding
from backend.domain.people import Actor, Right
from backend.domain.promotions import Kind, Phase, Promotion, Target
from backend.domain.registry import ModelVersion, VersionState
from backend.domain.supply_chain import watched_environment
from backend.domain.telemetry import Traffic
from backend.operations.council import cannot_approve, cannot_promote, council_of, duty
from backend.operations.objectives import standing_of_production
from backend.policy import blockers
from backend.policy.approval import Council, assent, completes, standing_approval
from backend.policy.error_budget import budget_finding, of_budget
from backend.policy.findings import findings, is_champion, stale_comparison
from backend.policy.freezes import Frozen, frozen, window_finding
from backend.policy.live_health import health_finding
from backend.policy.overriding import open_override, overridable
from backend.policy.returning import returned, schema_allows
from backend.policy.seen import seen_of
from backend.policy.standing import latest, standing
from backend.promotion.target import target_on
from backend.settings_project import Project
from backend.store import Store

LOOKED_AT = 5
"""Ways back that are looked at for one that brought traffic: a promotion given up early brought none."""


def dossier_of(store: Store, project: Project, version: ModelVersion, now: datetime) -> Dossier:
    """Everything the store holds about a version, at the threshold that was last chosen for it, as it counts `now`."""
    history = store.promotions.of_version(version.name, version.version)
    approvals = store.approvals.of_version(version.name, version.version)
    stable = store.promotions.stable(project.endpoint)
    staging = next((p for p in history if p.kind is Kind.STAGE), None)
    evidence = store.evidence.of_version(version.name, version.version)
    gates = next((e.gates for e in evidence if e.gates is not None), None)
    main = store.watched.digest(GATES_PATH)
    dossier = Dossier(
        version=_as_tested(version, staging),
        proposed_threshold=version.threshold,
        gates=gates,
        gates_are_current=gates is None or main in {"", gates.digest},
        environment_now=store.watched.digest(watched_environment(version.lineage.environment)),
        state=VersionState.REGISTERED,
        staging=staging,
        evidence=evidence,
        rollout=store.evidence.rollout(version.name, version.version),
        approvals=approvals,
        promotions=tuple(p for p in history if p.kind is not Kind.STAGE),
        quarantine=store.quarantines.on(version.name, version.version, version.digest),
        overrides=store.overrides.of_version(version.name, version.version),
    )
    council = council_of(store, project, (approval.actor for approval in approvals), now)
    counted = {
        "assent": assent(dossier, council),
        "override": open_override(dossier, dossier.overrides, now),
    }
    dossier = dossier.model_copy(update=counted)
    own = latest(dossier)
    moved_on = own is not None and own.phase is Phase.SUCCEEDED and stable is not None and stable.id != own.id
    followed_by = store.promotions.next_success(own) if own is not None and moved_on else None
    state, why = standing(dossier, stable, followed_by)
    approved = standing_approval(dossier) is not None
    return dossier.model_copy(update={"state": state, "why": why, "approved": approved})


def _as_tested(version: ModelVersion, staging: Promotion | None) -> ModelVersion:
    """At the threshold of its latest test, whatever that found: a choice is made by testing it."""
    if staging is None or staging.target.digest != version.digest:
        return version
    return version.model_copy(update={"threshold": staging.target.threshold})


class Situation:
    """The endpoint as the ledger tells it, read once for one decision."""

    def __init__(self, store: Store, project: Project) -> None:
        self.endpoint = project.endpoint
        self.objectives = standing_of_production(store, project)
        self.stable = store.promotions.stable(project.endpoint)
        self.active = store.promotions.active(project.endpoint)
        self.hold = store.holds.on(project.endpoint)
        self.unexplained = store.unexplained.unexplained()

    @property
    def champion(self) -> Target | None:
        return self.stable.target if self.stable else None

    @property
    def expected_stable(self) -> str:
        return self.stable.target.deployment if self.stable else ""

    def blockers(
        self,
        dossier: Dossier,
        found: tuple[Finding, ...],
        target: Target,
        closed: Frozen | None,
        now: datetime,
        *,
        can_approve: bool,
    ) -> tuple[Blocker, ...]:
        return (
            *blockers.of_version(dossier, self.champion, found),
            *blockers.of_approval(dossier, can_approve=can_approve),
            *blockers.of_endpoint(target, self.active, self.hold, self.stable),
            *blockers.of_events(self.unexplained),
            *blockers.of_window(closed),
            *of_budget(budget_finding(self.objectives, now), dossier.override),
        )

    def stopping(self, found: tuple[Finding, ...], now: datetime) -> tuple[Finding, ...]:
        """What a version showed, and what production has left to spend: all that break-glass may name."""
        budget = budget_finding(self.objectives, now)
        return found if budget is None else (*found, budget)


def compared_with(store: Store, project: Project, dossier: Dossier) -> Target | None:
    """What the version was judged against, or would be: once promoted it is not judged anew."""
    compared = next((e.comparison for e in dossier.evidence if e.comparison is not None), None)
    if not dossier.promotions or compared is None:
        return None if dossier.promotions else Situation(store, project).champion
    return store.promotions.latest_target(project.endpoint, dossier.version.name, compared.champion.digest)


@dataclass(frozen=True)
class Live:
    """Production as services last told it: the endpoint, and its last hour of calls; None where they have not yet."""

    endpoint: Endpoint | None
    traffic: Traffic | None = None


def decide(store: Store, project: Project, actor: Actor, version: ModelVersion, live: Live, now: datetime) -> Decision:
    """The promotion screen's content for this person, now."""
    closed = frozen(project.freeze, now)
    dossier = dossier_of(store, project, version, now)
    council = council_of(store, project, (actor.name,), now)
    situation = Situation(store, project)
    target = target_on(project.endpoint, dossier.version)
    found = findings(dossier, situation.champion)
    return Decision(
        dossier=dossier,
        target=target,
        endpoint=live.endpoint,
        stable_version=situation.champion.version if situation.champion else "",
        expected_stable=situation.expected_stable,
        seen=seen_of(dossier, situation.expected_stable),
        serving_since=situation.stable.finished_at if situation.stable else None,
        effect=effect(target, dossier.rollout, situation.champion),
        findings=(
            *situation.stopping(found, now),
            health_finding(live.traffic, situation.expected_stable, dossier.rollout),
            window_finding(project.freeze, now),
        ),
        blockers=(
            *situation.blockers(dossier, found, target, closed, now, can_approve=can_complete(dossier, council, actor)),
            *blockers.of_production(target, live.endpoint, situation.expected_stable),
        ),
        refusal=cannot_promote(dossier, council, actor),
        approve_refusal=_approve_refusal(
            dossier, council, actor, blockers.of_version(dossier, situation.champion, found)
        ),
        duty=tuple(dict.fromkeys(said for said in duty(dossier, council, actor) if said)),
        overridable=overridable(situation.stopping(found, now)),
        another_threshold=_at_another_threshold(dossier, situation.champion),
        author_apart=not council.rules.author_may_approve,
        way_back=_way_back(store, situation, dossier),
        objectives=situation.objectives,
        alerts=len(store.alerts.standing()),
        stale_comparison=stale_comparison(dossier, situation.champion),
    )


def _at_another_threshold(dossier: Dossier, champion: Target | None) -> bool:
    """Only a test chooses one: what was adopted may serve at a threshold that no registry tells."""
    serves = dossier.state is VersionState.SERVING and dossier.staging is not None
    return serves and not is_champion(champion, dossier.version.digest, dossier.version.threshold)


def _way_back(store: Store, situation: Situation, dossier: Dossier) -> WayBack | None:
    champion = situation.champion
    if champion is None:
        return None
    known = store.evidence.newest(champion, "supply_chain")
    now = known.supply_chain.signature if known and known.supply_chain else None
    supply = blockers.supply_of(dossier)
    after = supply.signature if supply else None
    allowed, sentence = schema_allows(champion.version, now, after)
    taken = map(returned, store.promotions.last_returns(situation.endpoint, LOOKED_AT))
    last = next((found for found in taken if found is not None), None)
    return WayBack(now=now, after=after, allowed=allowed, sentence=sentence, last=last)


def can_complete(dossier: Dossier, council: Council, actor: Actor) -> bool:
    """Whether this person's click would give what is missing of the approval."""
    return actor.may(Right.APPROVE) and completes(dossier, council, actor.name)


def _approve_refusal(dossier: Dossier, council: Council, actor: Actor, against: tuple[Blocker, ...]) -> str:
    by_person = cannot_approve(dossier, council, actor)
    hard = blockers.sentences(b for b in against if b.hard)
    return by_person or next(iter(hard), "")


def effect(target: Target, rollout: Rollout | None, champion: Target | None) -> str:
    """What the click does, in one sentence."""
    to = f"Sends {target.endpoint} to v{target.version}"
    same = champion is not None and champion.digest == target.digest
    if same:
        to += f" at threshold {target.threshold:g}"
    if champion is None:
        return f"{to} at 100 %: nothing serves there yet."
    if champion.deployment == target.deployment:
        return f"Changes nothing: {target.endpoint} serves v{target.version} already."
    if rollout is None:
        return f"{to} by the rollout plan of its commit, which has not been read yet."
    weights = " → ".join(str(step.weight) for step in rollout.steps)
    conditions = {(step.min_calls, step.min_seconds) for step in rollout.steps}
    if len(conditions) == 1:
        calls, seconds = conditions.pop()
        each = f"each after at least {calls:,} calls and {duration(seconds)}"
    else:
        each = "each after the calls and time its step asks for"
    at = f" at {champion.threshold:g}" if same else ""
    warm = f"v{champion.version}{at} stays warm for {duration(rollout.keep_warm_seconds)}"
    return f"{to} in steps {weights} %, {each}; {warm}."


def duration(seconds: float) -> str:
    """`90 s`, `30 min`, `24 h`."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:g} s"
