"""The bell in the menu: how much of what a person is told of they have not read."""

from __future__ import annotations

import streamlit as st

from backend.domain.people import Actor
from console import navigation, wiring
from console.viewmodels.inbox import bell_words

EVERY = 15.0


def bell(actor: Actor) -> None:
    """Drawn in the menu of every page, and kept current by itself."""

    def look() -> None:
        unread = wiring.current().backend.inbox.unread(actor)
        symbol = "notifications_unread" if unread else "notifications"
        navigation.link(navigation.INBOX, bell_words(unread), "bell", symbol)

    st.fragment(look, run_every=EVERY, key="bell_look")()
