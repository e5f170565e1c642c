"""What needs an owner, in one row: what is told of it, who takes it, and the button that ends it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from backend.domain.people import Actor
from console.components.dialogs import Question, ask
from console.components.markup import Html, draw

TOLD, BUTTON = 0.64, 0.18
"""Shares of the row's width."""

Take = Callable[[Actor, str, str], object]
"""By whom, which one, and why."""


def owned_row(told: Html, take: Callable[[], None], end: Callable[[], None]) -> None:
    """`take` and `end` draw one button each."""
    said, taking, ending = st.columns([TOLD, BUTTON, BUTTON], vertical_alignment="center")
    with said:
        draw(told)
    with taking:
        take()
    with ending:
        end()


def take_button(actor: Actor, found: str, owner: str, effect: Html, take: Take, refusal: str, done: str) -> None:
    """Become its owner; `found` is its id, and nobody takes twice what is theirs."""
    mine = "You have taken it." if owner == actor.name else ""
    question = Question(
        title="Take it",
        changes=(("Owner", owner or "nobody", actor.name),),
        effect=effect,
        form=f"take_{found}",
        label="Take it",
        done=done,
        wish=lambda _, reason: take(actor, found, reason),
    )
    ask("Take…", question, key=f"take_{found}", refusal=refusal or mine, symbol="person_add")
