"""Pins and labels of the runs that are selected in the list, all of them with one click."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from backend.domain.people import Actor
from backend.domain.run_remarks import RemarkKind
from console.components.dialogs import action, closing_button, open_dialog
from console.session import attempt
from console.viewmodels.figures import plural
from console.wiring import Wiring


def run_marks(wired: Wiring, actor: Actor, picked: Sequence[str]) -> None:
    """The two buttons; disabled, with the reason, for whoever may not."""
    refusal, runs = wired.backend.run_remarks.refusal(actor), plural(len(picked), "run")
    with st.container(width=170):
        if action("Pin…", key="pin_picked", refusal=refusal, symbol="keep"):
            open_dialog(f"Pin {runs} as candidates", lambda: _pin(wired, actor, picked))
    with st.container(width=170):
        if action("Labels…", key="label_picked", refusal=refusal, symbol="label"):
            open_dialog(f"Labels of {runs}", lambda: _labels(wired, actor, picked))


def _pin(wired: Wiring, actor: Actor, picked: Sequence[str]) -> None:
    st.text_input("Why they may become a release", key="pin_picked_why", max_chars=500)

    def wish(key: str) -> object:
        why = str(st.session_state.get("pin_picked_why", ""))
        return wired.backend.run_remarks.add_to_each(actor, RemarkKind.PIN, picked, why, key)

    _button("Pin as candidates", "pin_picked", wish, f"{plural(len(picked), 'run')} pinned.")


def _labels(wired: Wiring, actor: Actor, picked: Sequence[str]) -> None:
    marks = wired.backend.run_remarks.marks()
    known = sorted({label for run in picked for label in marks.get(run, ())} - {"pinned"})
    st.text_input("Add to all of them", key="label_picked_add", max_chars=40)
    st.multiselect("Take away from all of them", known, key="label_picked_end", disabled=not known)

    def wish(key: str) -> object:
        added, ended = str(st.session_state.get("label_picked_add", "")), st.session_state.get("label_picked_end", [])
        operations = wired.backend.run_remarks
        return operations.relabel(actor, picked, added, [str(label) for label in ended], key)

    _button("Change the labels", "label_picked", wish, "The labels are changed.")


def _button(label: str, form: str, wish: Callable[[str], object], done: str) -> None:
    def carry_out() -> None:
        attempt(form, wish, done)

    closing_button(label, form, carry_out)
