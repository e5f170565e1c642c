"""Pull requests: the board, or one of them."""

from __future__ import annotations

import math
from datetime import datetime

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.reviews import PullRequest
from console import navigation, topics, wiring
from console.components.board import headings, name, row
from console.components.header import page_header
from console.components.live import AT_ONCE, follow
from console.components.markup import card_head, draw
from console.components.rail import stage_rail
from console.components.states import empty, freshness, waiting
from console.session import numbered, parameter, signed_in, tell
from console.surroundings import surroundings
from console.viewmodels.board import FILTERS, ROWS, SORTS, Person, chosen
from console.viewmodels.figures import plural
from console.viewmodels.stages import Stage, stages
from console.viewmodels.text import Untrusted
from console.views.pull_request import show_pull_request, show_unknown

SHARES = [0.36, 0.64]
"""Of a row: the link and what it is, then what stands about it."""


def show_board() -> None:
    wired = wiring.current()
    world = surroundings(wired)
    page_header(
        "Pull requests",
        meta=f"Open on {wired.settings.project.repository}, towards {wired.settings.project.default_branch}.",
    )
    follow("pull requests", (topics.pulls().key,), every=AT_ONCE)
    tell()
    stage_rail(stages(world), Stage.INTEGRATION)
    draw(freshness(world.pulls, utc_now()))
    if world.pulls.value is None:
        draw(waiting(world.pulls, "the pull requests"))
        return
    who = Person.of(person, wired.backend.people.github_login(person.name))
    found = _wanted(world.pulls.value, who, utc_now())
    with st.container(border=True, key="card_pulls"):
        _rows(found, len(world.pulls.value))


def _wanted(pulls: tuple[PullRequest, ...], who: Person, now: datetime) -> list[PullRequest]:
    """Search, filter and order, as the address has them."""
    query, show, sort = st.columns([0.5, 0.25, 0.25], vertical_alignment="bottom")
    with query:
        words = st.text_input(
            "Search", key="q", bind="query-params", placeholder="Number, title, author, branch or check"
        )
    with show:
        wanted = st.selectbox("Show", FILTERS, key="show", bind="query-params")
    with sort:
        order = st.selectbox("Order", list(SORTS), key="order", bind="query-params")
    return chosen(pulls, words=words or "", show=wanted or "", sort=order or "", person=who, now=now)


def _rows(found: list[PullRequest], of: int) -> None:
    many = math.ceil(len(found) / ROWS)
    page = 1
    draw(card_head(plural(len(found), "pull request"), f"of {of} open" if len(found) != of else "open"))
    if not found:
        if of:
            draw(empty("No pull request matches", "Fewer words, or another filter, find more.", "search_off"))
        else:
            would_be = "A pull request appears here as soon as a feature branch is pushed and opened on GitHub."
            draw(empty("No open pull request", would_be, "merge"))
        return
    if many > 1:
        page = min(st.pagination(many, key="p", bind="query-params"), many)
    now = utc_now()
    _, heads = st.columns(SHARES, vertical_alignment="bottom")
    with heads:
        draw(headings())
    for pull in found[(page - 1) * ROWS : page * ROWS]:
        _row(pull, now)


def _row(pull: PullRequest, now: datetime) -> None:
    title, facts = st.columns(SHARES)
    with title:
        label = Untrusted(f"#{pull.number} {pull.title}", 140)
        navigation.link(navigation.PULL_REQUESTS, label, f"pull_{pull.number}", number=str(pull.number))
        draw(name(pull))
    with facts:
        draw(row(pull, now))


person = signed_in()
asked, number = parameter("number"), numbered("number")
if number is not None:
    show_pull_request(wiring.current(), person, number)
elif asked:
    show_unknown(Untrusted(asked, 40))
else:
    show_board()
