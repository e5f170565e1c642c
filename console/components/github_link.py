"""The link that lends the worker a person's GitHub rights."""

from __future__ import annotations

import streamlit as st

from backend.domain.people import Actor
from console.components.markup import draw, fill, icon
from console.components.states import notice
from console.consent import ticket
from console.middleware import BROWSER_COOKIE
from console.session import attempt, parameter
from console.wiring import Wiring

_OUTCOMES = {
    "connected": ("GitHub is connected", "Reviews and merges are made under your GitHub name.", "good", "link"),
    "expired": (
        "That took too long",
        "Connect GitHub again; the link was valid for fifteen minutes.",
        "warn",
        "timer_off",
    ),
    "refused": ("GitHub was not connected", "You declined on GitHub. Nothing was stored.", "warn", "link_off"),
    "other browser": ("Another browser", "The link works only in the browser it was drawn in.", "warn", "link_off"),
    "failed": ("GitHub was not connected", "GitHub did not complete the exchange; try again.", "bad", "link_off"),
}


def consent_outcome() -> None:
    """What came of the consent that led back to this page, if one did."""
    outcome = _OUTCOMES.get(parameter("github"))
    if outcome:
        draw(notice(*outcome))


def disconnect_github(wired: Wiring, actor: Actor, login: str) -> None:
    """Whom they act as on GitHub, and the way to take that back."""

    def take_back() -> None:
        done = "GitHub is disconnected: the console has forgotten your token, and GitHub has ended it."
        attempt("disconnect_github", lambda _: wired.backend.people.disconnect_github(actor), done)

    with st.container(key="github_connected", horizontal=True, vertical_alignment="center"):
        draw(fill('<p class="quiet">On GitHub you act as <b>{login}</b>.</p>', login=login))
        st.button(
            "Disconnect", key="disconnect_github", type="tertiary", icon=":material/link_off:", on_click=take_back
        )


def connect_github(wired: Wiring, actor: Actor, page: str) -> None:
    """`page` is where GitHub's answer leads back to."""
    browser = str(st.context.cookies.get(BROWSER_COOKIE, ""))
    sealed = ticket(wired.seal, actor.name, browser, page)
    with st.container(key="connect_github"):
        draw(
            fill(
                '<a class="as-button" href="/github/connect?ticket={ticket}" target="_self">{icon} Connect GitHub</a>'
                '<p class="quiet">Once: reviews and merges are made under your own GitHub name.</p>',
                ticket=sealed,
                icon=icon("link"),
            )
        )
