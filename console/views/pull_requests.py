"""Pull requests: the list, or one of them."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.reviews import PullRequest
from console import navigation, topics, wiring
from console.components.cards import word
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import Html, draw, fill
from console.components.rail import stage_rail
from console.components.states import empty, freshness, waiting
from console.session import numbered, parameter, signed_in, tell
from console.surroundings import surroundings
from console.viewmodels.figures import ago, plural
from console.viewmodels.pulls import counted, headline, matches, newest, reviewed, told
from console.viewmodels.stages import Stage, stages
from console.viewmodels.text import Untrusted
from console.views.pull_request import show_pull_request, show_unknown


def show_list() -> None:
    wired = wiring.current()
    world = surroundings(wired)
    page_header(
        "Pull requests",
        meta=f"Open on {wired.settings.project.repository}, towards {wired.settings.project.default_branch}.",
    )
    follow("pull requests", (topics.pulls().key,), every=5.0)
    tell()
    stage_rail(stages(world), Stage.INTEGRATION)
    draw(freshness(world.pulls, utc_now()))
    query = st.text_input(
        "Search",
        key="q",
        bind="query-params",
        placeholder="Number, title, author, branch or check",
        label_visibility="collapsed",
    )
    if world.pulls.value is None:
        draw(waiting(world.pulls, "the pull requests"))
        return
    found = [pull for pull in newest(world.pulls.value) if matches(pull, query or "")]
    with st.container(border=True, key="card_pulls"):
        _rows(found, bool(world.pulls.value))


def _rows(found: list[PullRequest], any_open: bool) -> None:
    if not found:
        if any_open:
            draw(empty("No pull request matches", "Fewer words find more.", "search_off"))
        else:
            would_be = "A pull request appears here as soon as a feature branch is pushed and opened on GitHub."
            draw(empty("No open pull request", would_be, "merge"))
    for index, pull in enumerate(found):
        if index:
            draw(Html('<hr class="between">'))
        _row(pull)


def _row(pull: PullRequest) -> None:
    title, checks, who = st.columns([0.46, 0.32, 0.22], vertical_alignment="center")
    with title:
        label = Untrusted(f"#{pull.number} {pull.title}", 140)
        navigation.link(navigation.PULL_REQUESTS, label, f"pull_{pull.number}", number=str(pull.number))
        draw(
            fill(
                '<span class="two">{branch} · {review}</span>',
                branch=Untrusted(pull.head_ref, 60),
                review=Untrusted(reviewed(pull), 120),
            )
        )
    with checks:
        draw(
            fill(
                '{state}<span class="two">{counted}</span><span class="two">{told}</span>',
                state=word(headline(pull)),
                counted=Untrusted(counted(pull), 160),
                told=Untrusted(told(pull), 120),
            )
        )
    with who:
        draw(
            fill(
                '<b>{author}</b><span class="two">updated {ago} · <span class="good">+{added}</span>'
                ' <span class="bad">−{removed}</span> in {files}</span>',
                author=Untrusted(pull.author, 60),
                ago=ago(pull.updated_at, utc_now()),
                added=pull.additions,
                removed=pull.deletions,
                files=plural(pull.changed_files, "file"),
            )
        )


person = signed_in()
chosen, number = parameter("number"), numbered("number")
if number is not None:
    show_pull_request(wiring.current(), person, number)
elif chosen:
    show_unknown(Untrusted(chosen, 40))
else:
    show_list()
