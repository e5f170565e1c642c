"""Overview: the six stages as they stand, and what waits for whom."""

from __future__ import annotations

import streamlit as st

from backend.domain.audit import AuditKind
from backend.domain.clock import utc_now
from backend.domain.people import Actor
from console import navigation, topics, wiring
from console.components.cards import card, word
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import Html, card_head, draw, fill, join
from console.components.proof import proof_mark, proof_seal
from console.components.rail import stage_rail
from console.components.states import empty, freshness, waiting
from console.components.steps import activity
from console.components.tables import Column, table
from console.components.traffic_bar import traffic_bar
from console.session import signed_in, tell
from console.surroundings import surroundings
from console.viewmodels.activity import acts
from console.viewmodels.board import WAITING_FOR_ME, Person
from console.viewmodels.decision import health as health_rows
from console.viewmodels.figures import age, ago, plural
from console.viewmodels.overview import Wait, making, under_way, waits
from console.viewmodels.pulls import headline, newest
from console.viewmodels.stages import Surroundings, stages
from console.viewmodels.state import promotion_pill
from console.viewmodels.text import Untrusted
from console.viewmodels.traffic import split
from console.wiring import Wiring

_PLACES = {
    "pull request": navigation.PULL_REQUESTS,
    "version": navigation.DEPLOYMENTS,
    "promotion": navigation.DEPLOYMENTS,
}


HOUR = 3600
INBOX = 8
TOLD = 12
DONE = (AuditKind.PULL_REQUESTS, AuditKind.MODELS, AuditKind.PROMOTIONS, AuditKind.EVENTS)
"""What happened to models, pull requests and production; steps and sign-ins are told by the Audit page."""


def show() -> None:
    wired, actor = wiring.current(), signed_in()
    world = surroundings(wired)
    project = wired.settings.project
    page_header(
        "Overview",
        meta=fill(
            "{model} on {endpoint}, from pull request to production.", model=project.model, endpoint=project.endpoint
        ),
    )
    _follow(wired)
    tell()
    stage_rail(stages(world))
    _sources_down(wired)
    left, right = st.columns([0.64, 0.36], gap="small")
    with left:
        with st.container(border=True, key="card_waits"):
            _waits(actor, world, Person.of(actor, wired.backend.people.github_login(actor.name)))
        with st.container(border=True, key="card_production"):
            _production(wired, world)
        with st.container(border=True, key="card_branches"):
            _branches(world)
    with right:
        _making(world)
        _setup(world)
        navigation.link(navigation.SETUP, "The setup, field by field", "to_setup", "construction")
        done = acts(wired.backend.ledger.entries(limit=TOLD, kinds=DONE), utc_now())
        would_be = "Every approval, promotion and change of traffic, with who did it and why."
        draw(
            card(
                "Latest",
                activity(done) if done else empty("Nothing has happened yet", would_be, "history"),
                note="from the ledger",
            )
        )
        navigation.link(navigation.AUDIT, "The whole ledger", "to_ledger", "history")


def _follow(wired: Wiring) -> None:
    endpoint = topics.endpoint(wired.settings.project.endpoint)
    keys = (topics.pulls().key, topics.versions().key, endpoint.key, topics.plan().key)

    def marks() -> tuple[object, ...]:
        newest_entry = wired.backend.ledger.entries(limit=1)
        proved = proof_mark(wired, wired.settings.project.endpoint)
        return (newest_entry[0].sequence if newest_entry else 0, *proved)

    follow("overview", keys, marks, every=5.0)


def _sources_down(wired: Wiring) -> None:
    """One line per service that does not answer, however many of its topics are old."""
    for source in wired.snapshots.health().values():
        draw(freshness(source, utc_now()))


def _waits(actor: Actor, world: Surroundings, person: Person) -> None:
    mine = waits(world, actor, person)
    draw(card_head("Waiting for you", plural(len(mine), "thing") if mine else ""))
    if not mine:
        would_be = "Pull requests to review, mend or merge, and versions to decide about, with their age."
        draw(empty("Nothing waits for you", would_be, "task_alt"))
    for wait in mine[:INBOX]:
        _wait(wait)
    if len(mine) > INBOX:
        label = f"{len(mine) - INBOX} more on the board"
        navigation.link(navigation.PULL_REQUESTS, label, "to_inbox", "inbox", show=WAITING_FOR_ME)


def _wait(wait: Wait) -> None:
    what, state = st.columns([0.58, 0.42], vertical_alignment="center")
    with what:
        navigation.link(_PLACES[wait.kind], wait.label, f"wait_{wait.key}", wait.symbol, **wait.selects)
        draw(fill('<span class="two after-icon">{consequence}</span>', consequence=wait.consequence))
    with state:
        draw(
            fill('{state} <span class="quiet age">{age}</span>', state=word(wait.state), age=ago(wait.since, utc_now()))
        )


def _production(wired: Wiring, world: Surroundings) -> None:
    reading = world.endpoint
    draw(card_head("Production", age(reading, utc_now())))
    if reading.at is None:
        draw(waiting(reading, "the endpoint"))
        return
    if world.active is not None:
        label = f"{under_way(world.active)} is under way: {promotion_pill(world.active).text}"
        navigation.link(navigation.DEPLOYMENTS, label, "link_active", "sync", promotion=world.active.id)
    if reading.value is None or not reading.value.traffic:
        would_be = "The first version serves here once it was trained, tested, approved and promoted."
        draw(empty("Nothing serves yet", would_be, "rocket_launch"))
        return
    bar = traffic_bar(split(reading.value, world.active))
    seal, health = proof_seal(wired, reading.value.name), _health(wired, reading.value.stable or "")
    draw(fill("{seal}{bar}{health}", seal=seal, bar=bar, health=health))


def _health(wired: Wiring, stable: str) -> Html:
    """Calls, errors and latency of what serves, over the last hour."""
    traffic = wired.snapshots.watch(topics.traffic(wired.settings.project.endpoint, HOUR))
    if traffic.value is None:
        return waiting(traffic, "the calls")
    rows = health_rows(traffic, stable, 0.0)
    if not rows:
        return Html("<p class=quiet>No calls in the last hour.</p>")
    tile = '<div class="tile"><b>{value}</b><span>{name}{more}</span></div>'
    cells = join(fill(tile, value=value, name=name, more=f", {more}" if more else "") for name, value, more in rows)
    return fill('<div class="tiles four">{cells}</div>', cells=cells)


def _setup(world: Surroundings) -> None:
    """What differs from the declaration, once the world is made."""
    pending = world.plan.value.pending if world.plan.value else ()
    if not pending or not world.versions.value:
        return
    rows = [
        (f"{r.kind} {r.name}", r.change.value, Untrusted("; ".join(r.sentences) or r.note, 200)) for r in pending[:8]
    ]
    body = table((Column("Resource"), Column("Would"), Column("Difference")), rows, caption="Differences")
    draw(card("Setup differs from its declaration", body, note=age(world.plan, utc_now()), name="drift"))


def _branches(world: Surroundings) -> None:
    draw(card_head("Pull requests", age(world.pulls, utc_now())))
    if world.pulls.value is None:
        draw(waiting(world.pulls, "the pull requests"))
        return
    if not world.pulls.value:
        would_be = "Feature branches that were opened as pull requests, with their checks."
        draw(empty("No open pull request", would_be, "merge"))
        return
    for pull in newest(world.pulls.value)[:6]:
        name, state = st.columns([0.58, 0.42], vertical_alignment="center")
        with name:
            label = Untrusted(f"#{pull.number} {pull.title}", 100)
            navigation.link(navigation.PULL_REQUESTS, label, f"branch_{pull.number}", number=str(pull.number))
        with state:
            draw(word(headline(pull)))


def _making(world: Surroundings) -> None:
    """While the world is being made, its steps; afterwards nothing."""
    steps = making(world)
    if all(done for _, done in steps):
        return
    rows = "".join(
        fill('<li class="{state}"><span>{name}</span></li>', state="done" if done else "open", name=name)
        for name, done in steps
    )
    text = Html("<p class=quiet>Each line turns green by itself.</p>")
    draw(
        card(
            "The world is being made",
            fill('{text}<ol class="steps">{rows}</ol>', text=text, rows=Html(rows)),
            name="making",
        )
    )


show()
