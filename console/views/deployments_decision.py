"""The decision page: evidence on the left, the click and what follows it on the right."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.decisions import Decision
from backend.domain.pace import calls_per_hour
from backend.domain.people import Actor
from backend.domain.registry import ModelVersion
from backend.domain.telemetry import Traffic
from backend.domain.value import Reading
from console import navigation, topics
from console.components.blockers_card import blockers_card
from console.components.cards import cards
from console.components.comparison_cards import champion_card, patients_card
from console.components.decision_cards import (
    flips_link,
    freshness_card,
    health_card,
    now_next_card,
    way_back_card,
    who_card,
    why_card,
)
from console.components.decision_click import click_column
from console.components.grave import break_glass_notice, grave_path
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import Html, card_head, draw, fill
from console.components.proof import proof_mark, proof_seal
from console.components.rail import stage_rail, verdict_strip
from console.components.rollback import hold_notice, roll_back_button
from console.components.standing import standing_notice
from console.components.states import empty, freshness, waiting
from console.components.verdicts import approval_marks, reject_button
from console.session import tell
from console.surroundings import find, surroundings
from console.viewmodels.change import why
from console.viewmodels.decision import state_pill
from console.viewmodels.now_next import Pulls, now_next
from console.viewmodels.stages import Stage, Surroundings, stages
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

HOUR, DAY = 3600, 86_400
EVIDENCE, CLICK = 0.71, 0.29
"""Shares of the page's width."""


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
    serving = decision.serves
    page_header(
        _title(decision),
        state=state_pill(decision),
        meta=f"{project.endpoint} serves it now; there is nothing to decide."
        if serving
        else Untrusted(decision.effect, 400),
        parent=navigation.DEPLOYMENTS,
        here=project.endpoint,
    )
    day, pulls = wired.snapshots.watch(topics.traffic(project.endpoint, DAY)), _pulls(wired, world, decision)
    _follow(wired, world, version, actor, tuple(pulls))
    tell()
    stage_rail(stages(world), Stage.DELIVERY)
    if not serving:
        draw(verdict_strip(decision.findings))
    draw(freshness(world.endpoint, utc_now()))
    draw(standing_notice(decision.dossier))
    draw(break_glass_notice(wired, decision))
    evidence, click = st.columns([EVIDENCE, CLICK], gap="small")
    with evidence:
        if serving:
            accepted = _about_what_serves(decision, actor, pulls, day)
        else:
            accepted = _evidence(wired, world, decision, actor, pulls, day)
    with click, st.container(border=True, key="card_decision"):
        if serving:
            _serves(wired, actor, decision)
        else:
            per_hour = calls_per_hour(traffic.value) if traffic.value is not None else None
            click_column(wired, actor, decision, per_hour, accepted)
            if decision.another_threshold:
                roll_back_button(wired, actor, decision.endpoint)


def _title(decision: Decision) -> Html:
    target = decision.target
    title = "{model} v{number} serves production" if decision.serves else "Promote {model} v{number}{at} to production"
    at = f" at {target.threshold:g}" if decision.another_threshold else ""
    return fill(title, model=target.model, number=target.version, at=at)


def _unknown(world: Surroundings, number: str) -> None:
    page_header("Promote to production", parent=navigation.DEPLOYMENTS, here=Untrusted(number, 20))
    if world.versions.value is None:
        draw(freshness(world.versions, utc_now()))
        draw(waiting(world.versions, "the registered versions"))
        return
    would_be = "The registry holds no version of this number. A merge that touches training registers the next one."
    draw(empty("No such version", would_be, "help"))


def _pulls(wired: Wiring, world: Surroundings, decision: Decision) -> Pulls:
    """The pull requests that led to what would serve and to what serves."""
    stable = find(world.versions.value or (), decision.stable_version)
    numbers = {one.lineage.pull_request for one in (decision.dossier.version, stable) if one is not None}
    return {number: wired.snapshots.watch(topics.pull(int(number))) for number in numbers if number.isdecimal()}


def _follow(wired: Wiring, world: Surroundings, version: ModelVersion, actor: Actor, pulls: tuple[str, ...]) -> None:
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

    windows = (topics.traffic(name, seconds).key for seconds in (HOUR, DAY))
    read = (topics.pull(int(number)).key for number in pulls)
    keys = (topics.versions().key, topics.endpoint(name).key, *windows, *read)
    follow(f"decision {version.version}", keys, marks, every=5.0)


def _evidence(
    wired: Wiring, world: Surroundings, decision: Decision, actor: Actor, pulls: Pulls, day: Reading[Traffic]
) -> tuple[str, ...]:
    """All blocks in the order of reading; the advisory gates that are ticked."""
    now, project, version = utc_now(), wired.settings.project, decision.dossier.version
    stable = find(world.versions.value or (), decision.stable_version)
    rows = now_next(decision, stable, project, pulls)
    patients = patients_card(decision.dossier, flips_link(decision), decision.stale_comparison)
    draw(cards((now_next_card(decision, rows), patients)))
    with st.container(key="row_blockers"):
        compared, blocked = st.columns(2)
        with compared:
            draw(cards((champion_card(decision.dossier, now, 12, decision.stale_comparison),)))
        with blocked:
            accepted = blockers_card(decision, now)
    told = why(decision.dossier, pulls.get(version.lineage.pull_request))
    draw(
        cards(
            (
                who_card(decision, actor),
                why_card(told),
                health_card(decision, day, now),
                way_back_card(decision, now),
                freshness_card(decision, now),
            )
        )
    )
    return accepted


def _about_what_serves(decision: Decision, actor: Actor, pulls: Pulls, day: Reading[Traffic]) -> tuple[str, ...]:
    """What was decided on, with how it does now: there is nothing to accept."""
    now, dossier = utc_now(), decision.dossier
    told = why(dossier, pulls.get(dossier.version.lineage.pull_request))
    draw(
        cards(
            (
                patients_card(dossier),
                champion_card(dossier, now),
                who_card(decision, actor),
                why_card(told),
                health_card(decision, day, now),
            )
        )
    )
    return ()


def _serves(wired: Wiring, actor: Actor, decision: Decision) -> None:
    """What remains to be done with a version that serves: to take it back."""
    draw(proof_seal(wired, wired.settings.project.endpoint))
    navigation.link(
        navigation.MODELS,
        "Another threshold",
        "to_threshold",
        "tune",
        version=decision.dossier.version.version,
    )
    draw(card_head("Way back", f"as {actor.name}"))
    roll_back_button(wired, actor, decision.endpoint)
    reject_button(wired, actor, decision)
    hold_notice(wired, actor)
    grave_path(wired, actor, decision)
