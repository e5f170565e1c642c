"""Dangerous actions: a dialog that says what will happen, asks why, and has one button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import streamlit as st

from console.components.live import hold_still
from console.components.markup import Html, draw
from console.components.tables import Column, table
from console.session import attempt

Change = tuple[str, str, str]
"""What, now, after."""


def confirm_body(
    changes: Sequence[Change],
    effect: Html,
    *,
    form: str,
    label: str,
    reason: str,
    done: str,
    wish: Callable[[str, str], object],
    danger: bool = False,
) -> None:
    """The dialog's content. `wish` is called with the idempotency key and the reason.

    Red is the button of what ends, returns or goes past something (`danger`).
    """
    draw(table((Column(""), Column("Now"), Column("After")), changes, caption="What changes"))
    draw(effect)
    why = st.text_area("Reason, goes to the ledger", value=reason, key=f"reason_{form}", height=80)

    def carry_out() -> None:
        text = str(st.session_state.get(f"reason_{form}", why)).strip()
        attempt(form, lambda key: wish(key, text), done)

    with st.container(key=f"{'danger' if danger else 'calm'}_{form}"):
        closing_button(label, form, carry_out)


def closing_button(label: str, form: str, carry_out: Callable[[], None]) -> None:
    """The button at a dialog's end: what it is for is done, and the dialog is gone."""
    if st.button(label, key=f"confirm_{form}", type="primary", width="stretch", on_click=carry_out):
        hold_still(False)
        st.rerun()


def open_dialog(title: str, draw_body: Callable[[], None]) -> None:
    """Show `draw_body` in a dialog; the page behind stays as it is until it is closed."""
    hold_still(True)
    st.dialog(title, on_dismiss=lambda: hold_still(False))(draw_body)()


@dataclass(frozen=True, slots=True)
class Question:
    """What a button in earnest asks first: what changes, what that means, what else has to be said, and why.

    `label` is the button that does it, `done` what is told then; `fields` draws what `wish` reads beside the reason.
    """

    title: str
    changes: Sequence[Change]
    effect: Html
    form: str
    label: str
    done: str
    wish: Callable[[str, str], object]
    fields: Callable[[], None] | None = None
    danger: bool = False


def ask(label: str, question: Question, *, key: str, refusal: str = "", symbol: str = "") -> None:
    """A button that opens the question's dialog."""
    if action(label, key=key, refusal=refusal, symbol=symbol):
        open_dialog(question.title, partial(_asked, question))


def _asked(question: Question) -> None:
    if question.fields is not None:
        question.fields()
    confirm_body(
        question.changes,
        question.effect,
        form=question.form,
        label=question.label,
        reason="",
        done=question.done,
        wish=question.wish,
        danger=question.danger,
    )


def action(
    label: str,
    *,
    key: str,
    refusal: str = "",
    on_click: Callable[[], None] | None = None,
    primary: bool = False,
    symbol: str = "",
    shortcut: str | None = None,
    width: Literal["stretch", "content"] = "stretch",
) -> bool:
    """A button that stays visible when it may not be used, disabled, with the reason."""
    return st.button(
        label,
        key=key,
        type="primary" if primary else "secondary",
        icon=f":material/{symbol}:" if symbol else None,
        width=width,
        disabled=bool(refusal),
        help=refusal or None,
        on_click=on_click,
        shortcut=shortcut,
    )
