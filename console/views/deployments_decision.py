"""The decision page: evidence on the left, the click and what follows it on the right."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.decisions import Decision
from backend.domain.gates import FindingState
from backend.domain.pace import calls_per_hour
from backend.domain.people import Actor, Right, who_may
from backend.domain.promotions import Promotion
from backend.domain.registry import ModelVersion, VersionState
from backend.domain.telemetry import Traffic
from backend.domain.value import Reading
from console import navigation, topics
from console.components.cards import cards
from console.components.decision_cards import (
    blockers_card,
    champion_card,
    health_card,
    now_next_card,
    patients_card,
    rules,
    way_back_card,
    who_card,
)
from console.components.dialogs import action
from console.components.grave import break_glass_notice, grave_path
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import card_head, draw, fill
from console.components.proof import proof_mark, proof_seal
from console.components.rail import stage_rail, verdict_strip
from console.components.rollback import hold_notice, roll_back_button
from console.components.standing import standing_notice
from console.components.states import empty, freshness, waiting
from console.components.steps import timeline
from console.components.verdicts import approval_marks, hold_button, reject_button, request_changes_button
from console.session import attempt, tell
from console.surroundings import find, surroundings
from console.viewmodels.decision import bound, state_pill
from console.viewmodels.plan import lasting, planned
from console.viewmodels.stages import Stage, Surroundings, stages
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

HOUR = 3600


def show_decision(wired: Wiring, actor: Actor, number: str) -> None:
    world = surroundings(wired)
    version = find(world.versions.value or (), number)
    if version is None:
        _unknown(world, number)
        follow(f"decision {number}", (topics.versions().key,))
        return
    project = wired.settings.project
    traffic = wired.snapshots.watch(topics.traffic(project.endpoint, HOUR))
    decision = wired.backend.promotions.decision(actor, version, world.endpoint.value, traffic.value)
    serving = decision.dossier.state is VersionState.SERVING
    title = "{model} v{number} serves production" if serving else "Promote {model} v{number} to production"
    page_header(
        fill(title, model=version.name, number=number),
        state=state_pill(decision),
        meta=f"{project.endpoint} serves it now; there is nothing to decide."
        if serving
        else Untrusted(decision.effect, 400),
        parent=navigation.DEPLOYMENTS,
        here=project.endpoint,
    )
    _follow(wired, world, version, actor)
    tell()
    stage_rail(stages(world), Stage.DELIVERY)
    if not serving:
        draw(verdict_strip(decision.findings))
    draw(freshness(world.endpoint, utc_now()))
    draw(standing_notice(decision.dossier))
    draw(break_glass_notice(wired, decision))
    evidence, click = st.columns([0.71, 0.29], gap="small")
    with evidence:
        _evidence(wired, world, decision, traffic, actor)
    with click, st.container(border=True, key="card_decision"):
        if serving:
            _serves(wired, actor, decision)
        else:
            _click(wired, actor, decision, calls_per_hour(traffic.value) if traffic.value is not None else None)


def _unknown(world: Surroundings, number: str) -> None:
    page_header("Promote to production", parent=navigation.DEPLOYMENTS, here=Untrusted(number, 20))
    if world.versions.value is None:
        draw(freshness(world.versions, utc_now()))
        draw(waiting(world.versions, "the registered versions"))
        return
    would_be = "The registry holds no version of this number. A merge that touches training registers the next one."
    draw(empty("No such version", would_be, "help"))


def _follow(wired: Wiring, world: Surroundings, version: ModelVersion, actor: Actor) -> None:
    name = wired.settings.project.endpoint

    def marks() -> tuple[object, ...]:
        decision = wired.backend.promotions.decision(actor, version, world.endpoint.value)
        active = wired.backend.promotions.active(name)
        return (
            decision.dossier.state,
            len(decision.dossier.approvals),
            len(decision.dossier.evidence),
            *approval_marks(wired, decision),
            active and active.id,
            proof_mark(wired, name),
        )

    keys = (topics.versions().key, topics.endpoint(name).key, topics.traffic(name, HOUR).key)
    follow(f"decision {version.version}", keys, marks, every=5.0)


def _evidence(wired: Wiring, world: Surroundings, decision: Decision, traffic: Reading[Traffic], actor: Actor) -> None:
    project = wired.settings.project
    stable = find(world.versions.value or (), decision.stable_version)
    instance = f"{project.instance_type} × {project.instance_count}"
    now = utc_now()
    if decision.dossier.state is VersionState.SERVING:
        told = (patients_card(decision.dossier), champion_card(decision.dossier, now))
        draw(cards((*told, who_card(decision, actor), health_card(decision, traffic, now))))
        return
    draw(
        cards(
            (
                now_next_card(decision, stable, instance),
                patients_card(decision.dossier),
                champion_card(decision.dossier, now),
                blockers_card(decision, now),
                who_card(decision, actor),
                health_card(decision, traffic, now),
                way_back_card(decision),
            )
        )
    )


def _serves(wired: Wiring, actor: Actor, decision: Decision) -> None:
    """What remains to be done with a version that serves: to take it back."""
    draw(proof_seal(wired, wired.settings.project.endpoint))
    draw(card_head("Way back", f"as {actor.name}"))
    roll_back_button(wired, actor, decision.endpoint)
    reject_button(wired, actor, decision)
    hold_notice(wired, actor)
    grave_path(wired, actor, decision)


def _click(wired: Wiring, actor: Actor, decision: Decision, per_hour: float | None) -> None:
    version = decision.dossier.version
    draw(card_head("Your decision", f"as {actor.name}"))
    default = f"Reviewed in pull request #{version.lineage.pull_request}." if version.lineage.pull_request else ""
    st.text_area("Reason, required", value=default, key=f"reason_{version.version}", height=76)
    accepted = _advisory_ticks(decision)
    _primary(wired, actor, decision, accepted)
    approve, changes = st.columns(2)
    with approve:
        _approve_only(wired, actor, decision, accepted)
    with changes:
        request_changes_button(wired, actor, decision)
    reject, hold = st.columns(2)
    with reject:
        reject_button(wired, actor, decision)
    with hold:
        hold_button(wired, actor)
    _test_again(wired, actor, decision)
    hold_notice(wired, actor)
    rollout = decision.dossier.rollout
    if rollout is not None:
        draw(
            fill(
                '<div class="sub">After the click</div>{lines}<p class="quiet">{lasting}</p>',
                lines=timeline(planned(rollout, decision.expected_stable, per_hour)),
                lasting=lasting(rollout, per_hour) if decision.expected_stable else "",
            )
        )
        draw(rules(rollout, decision))
    commit, data, digest = bound(decision)
    draw(
        fill(
            '<div class="sub bound">Bound to commit <code>{commit}</code>, data <code>{data}</code>'
            " and digest <code>{digest}</code>. Refused if any of them, or production, changes first.</div>",
            commit=commit,
            data=data,
            digest=digest,
        )
    )
    grave_path(wired, actor, decision)


def _advisory_ticks(decision: Decision) -> tuple[str, ...]:
    """One tick for each advisory gate that did not pass, until the version is approved; what is ticked."""
    if decision.dossier.approved:
        return ()
    version, ticked = decision.dossier.version, []
    for found in decision.blockers:
        if not found.gate:
            continue
        label = Untrusted(f"I accept: {found.what}", 60).one_line()
        if st.checkbox(label, key=f"accept_{version.version}_{found.gate}", help=Untrusted(found.why, 400).one_line()):
            ticked.append(found.gate)
    return tuple(ticked)


def _refusal(decision: Decision, accepted: tuple[str, ...]) -> str:
    hard = next((b for b in decision.blockers if b.hard), None)
    if decision.refusal:
        return Untrusted(decision.refusal, 300).one_line()
    if hard:
        return Untrusted(f"{hard.what}: {hard.why}", 300).one_line()
    return _unaccepted(decision, accepted)


def _unaccepted(decision: Decision, accepted: tuple[str, ...]) -> str:
    open_ = [b.what for b in decision.blockers if b.gate and b.gate not in accepted]
    if open_ and not decision.dossier.approved:
        return Untrusted(f"Accept what is advisory first: {', '.join(open_)}.", 300).one_line()
    return ""


def _primary(wired: Wiring, actor: Actor, decision: Decision, accepted: tuple[str, ...]) -> None:
    version = decision.dossier.version
    approved = decision.dossier.approved
    form = f"promote/{version.version}/{decision.expected_stable}"
    promotions = wired.backend.promotions

    def promote() -> None:
        reason, stable = _reason(version), decision.expected_stable

        def wish(key: str) -> Promotion:
            if approved:
                return promotions.promote(actor, version, stable, reason, key, decision.seen)
            return promotions.approve_and_promote(actor, version, stable, reason, key, accepted, decision.seen)

        done = f"v{version.version} goes to production by the plan; closing the tab changes nothing."
        attempt(form, wish, done)

    action(
        f"{'Promote' if approved else 'Approve and promote'} v{version.version}",
        key="promote",
        refusal=_refusal(decision, accepted),
        on_click=promote,
        primary=True,
        symbol="check",
        shortcut="ctrl+enter",
    )


def _reason(version: ModelVersion) -> str:
    return str(st.session_state.get(f"reason_{version.version}", "")).strip()


def _approve_only(wired: Wiring, actor: Actor, decision: Decision, accepted: tuple[str, ...]) -> None:
    version = decision.dossier.version

    def approve() -> None:
        reason = _reason(version)
        attempt(
            f"approve/{version.version}",
            lambda key: wired.backend.models.approve(actor, version, reason, key, accepted, decision.seen),
            f"v{version.version} is approved; production is untouched.",
        )

    refusal = Untrusted(decision.approve_refusal, 300).one_line() or _unaccepted(decision, accepted)
    action("Approve", key="approve", refusal=refusal, on_click=approve)


def _test_again(wired: Wiring, actor: Actor, decision: Decision) -> None:
    """Offered where the evidence is missing, failed, or about another champion."""
    version, state = decision.dossier.version, decision.dossier.state
    stale = any(f.state is FindingState.STALE for f in decision.findings)
    if not stale and state is not VersionState.TEST_FAILED:
        return
    refusal = "" if actor.may(Right.APPROVE) else f"Needs the role {who_may(Right.APPROVE)}."

    def stage() -> None:
        attempt(
            f"stage/{version.version}",
            lambda key: wired.backend.promotions.stage(actor, version, "Fresh evidence is needed for a decision.", key),
            f"v{version.version} is tested again on {wired.settings.project.test_endpoint}.",
        )

    action("Test again", key="test_again", refusal=refusal, on_click=stage, symbol="labs")
