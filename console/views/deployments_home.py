"""Deployments without a selection: what serves, what waits, what happened."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.cost import cost_of
from backend.domain.decisions import Dossier
from backend.domain.endpoints import Deployment, Endpoint
from backend.domain.people import Actor
from backend.domain.promotions import Promotion
from backend.domain.value import Reading
from backend.settings_project import Project
from console import navigation, topics
from console.components.cards import card, cards, role_mark, word
from console.components.header import page_header
from console.components.live import CALM, FAST, follow
from console.components.markup import Content, Html, card_head, draw, fill
from console.components.rail import stage_rail
from console.components.rollback import hold_notice, roll_back_button
from console.components.stand_ins import stand_in_marks, stand_ins
from console.components.standing import standing_line
from console.components.states import empty, freshness, waiting
from console.components.tables import Column, strong, table, two_lines
from console.components.traffic_bar import traffic_bar
from console.session import tell
from console.surroundings import surroundings
from console.viewmodels.figures import age, clock
from console.viewmodels.overview import under_way
from console.viewmodels.stages import Stage, Surroundings, stages
from console.viewmodels.state import PHASES, VERSIONS, promotion_pill
from console.viewmodels.text import Untrusted
from console.viewmodels.tracker import named
from console.viewmodels.traffic import ending, split
from console.wiring import Wiring


def show_home(wired: Wiring, actor: Actor) -> None:
    world = surroundings(wired)
    project = wired.settings.project
    test = wired.snapshots.watch(topics.endpoint(project.test_endpoint))
    recent = wired.backend.promotions.recent(20)
    page_header(
        "Deployments", state=None, meta=f"{project.endpoint} serves practitioners, {project.test_endpoint} tests."
    )
    _follow(wired, world)
    tell()
    stage_rail(stages(world), Stage.DELIVERY)
    draw(freshness(world.endpoint, utc_now()))
    serving, side = st.columns([0.71, 0.29], gap="small")
    with serving:
        draw(_endpoint_card(wired, "Production", world.endpoint, world.active))
        active = wired.backend.promotions.active(project.test_endpoint)
        draw(_endpoint_card(wired, "Test endpoint", test, active))
        _recent(recent)
    with side:
        if world.active is not None:
            with st.container(border=True, key="card_under_way"):
                _under_way(world.active)
        with st.container(border=True, key="card_waiting"):
            _waiting(world)
        if world.taken_back:
            with st.container(border=True, key="card_taken_back"):
                _taken_back(world)
        with st.container(border=True, key="card_way_back"):
            draw(card_head("Way back"))
            roll_back_button(wired, actor, world.endpoint.value)
            hold_notice(wired, actor)
        with st.container(border=True, key="card_approvers"):
            stand_ins(wired, actor)


def _follow(wired: Wiring, world: Surroundings) -> None:
    project = wired.settings.project
    keys = (topics.endpoint(project.endpoint).key, topics.endpoint(project.test_endpoint).key, topics.versions().key)

    def marks() -> tuple[object, ...]:
        recent = tuple((p.id, p.phase, p.position) for p in wired.backend.promotions.recent(5))
        return (*recent, *stand_in_marks(wired))

    follow("deployments", keys, marks, every=FAST if world.active else CALM)


def _endpoint_card(wired: Wiring, title: str, reading: Reading[Endpoint | None], active: Promotion | None) -> Html:
    endpoint = reading.value
    if endpoint is None:
        if reading.at is None:
            return card(title, waiting(reading, "the endpoint"))
        made_by = Html("Setup creates it; <code>mlops setup apply</code>.")
        return card(title, empty("The endpoint does not exist yet", made_by, "dns"))
    project, ends = wired.settings.project, wired.backend.promotions.endings(endpoint.name)
    rows = [
        (*_deployment_row(endpoint, found.name, active, ending(found.name, ends, utc_now())), _cost(found, project))
        for found in sorted(endpoint.deployments, key=lambda d: d.name)
    ]
    if rows:
        heads = (
            Column("Deployment"),
            Column("Version"),
            Column("State"),
            Column("Instance"),
            Column("Traffic", number=True),
            Column("Cost, declared", number=True),
        )
        body = table(heads, rows, caption=f"Deployments of {endpoint.name}")
    else:
        when = "once it is registered" if endpoint.name == project.test_endpoint else "when it is promoted"
        body = empty("No deployment yet", f"A version is deployed here {when}.", "deployed_code")
    bar = traffic_bar(split(endpoint, active))
    note = fill("{name}, {age}", name=endpoint.name, age=age(reading, utc_now()))
    return card(title, fill("{bar}{body}", bar=bar, body=body), note=note)


def _cost(deployment: Deployment, project: Project) -> str:
    found = cost_of(deployment, project.prices, project.currency)
    return found.words if found else "no price declared"


def _deployment_row(endpoint: Endpoint, name: str, active: Promotion | None, ends: str) -> tuple[Content, ...]:
    deployment = endpoint.deployment(name)
    assert deployment is not None, "the row is made of the endpoint's own deployments"
    candidate = active is not None and active.target.deployment == name
    state: Content = deployment.state.value
    if deployment.problem:
        state = two_lines(deployment.state.value, Untrusted(deployment.problem, 300))
    elif ends:
        state = two_lines(deployment.state.value, ends)
    mark = role_mark(candidate) if candidate or endpoint.stable == name else Html("")
    return (
        fill("{mark}{name}", mark=mark, name=strong(name)),
        f"v{deployment.version}",
        state,
        f"{deployment.instance_type} × {deployment.instance_count}",
        f"{endpoint.traffic.get(name, 0)} %",
    )


def _under_way(active: Promotion) -> None:
    draw(card_head("Under way"))
    navigation.link(navigation.DEPLOYMENTS, under_way(active), "link_active", "sync", promotion=active.id)
    draw(word(promotion_pill(active)))


def _waiting(world: Surroundings) -> None:
    draw(card_head("Waits for a decision"))
    for dossier in world.waiting:
        _waiting_row(dossier)
    if not world.waiting:
        would_be = "Versions whose test has passed, ready for approval and promotion."
        draw(empty("Nothing waits", would_be, "task_alt"))


def _waiting_row(dossier: Dossier) -> None:
    version = dossier.version
    navigation.link(
        navigation.DEPLOYMENTS,
        f"Decide about {version.name} v{version.version}",
        f"decide_{version.version}",
        "how_to_reg",
        version=version.version,
    )
    draw(word(VERSIONS[dossier.state]))


def _taken_back(world: Surroundings) -> None:
    """Versions that wait for nobody because somebody, or analysis, has said no to them."""
    draw(card_head("Taken back"))
    for dossier in world.taken_back:
        version = dossier.version
        navigation.link(
            navigation.MODELS,
            f"{version.name} v{version.version}",
            f"version_{version.version}",
            version=version.version,
        )
        draw(standing_line(dossier))


def _recent(recent: tuple[Promotion, ...]) -> None:
    with st.container(border=True, key="card_recent"):
        draw(card_head("Recent", "tests, promotions, rollbacks"))
        if not recent:
            would_be = "Each test, promotion and rollback, with who asked for it and why."
            draw(cards((empty("Nothing has been deployed yet", would_be, "rocket_launch"),)))
        for promotion in recent:
            _recent_row(promotion)


def _recent_row(promotion: Promotion) -> None:
    name, state, who = st.columns([0.3, 0.2, 0.5], vertical_alignment="center")
    with name:
        label = named(promotion)
        navigation.link(navigation.DEPLOYMENTS, label, f"open_{promotion.id[:12]}", promotion=promotion.id)
    with state:
        draw(word(PHASES[promotion.phase]))
    with who:
        draw(
            fill(
                '<span class="quiet">{when} · <b>{by}</b> · {why}</span>',
                when=clock(promotion.created_at, utc_now()),
                by=Untrusted(promotion.requested_by),
                why=Untrusted(promotion.requested_reason or promotion.reason, 120),
            )
        )
