"""Notes, labels and the pin of a run."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.people import Actor
from backend.domain.run_remarks import Remark, RemarkKind
from backend.domain.runs import Run
from console.components.dialogs import action
from console.components.diff import prose
from console.components.markup import card_head, draw, fill
from console.components.states import empty
from console.session import attempt
from console.viewmodels.figures import ago
from console.viewmodels.text import Untrusted
from console.wiring import Wiring


def remarks(wired: Wiring, actor: Actor, run: Run) -> None:
    operations = wired.backend.run_remarks
    refused = operations.refusal(actor)
    standing = operations.of_run(run.workspace, run.id)
    pinned = next((remark for remark in standing if remark.kind is RemarkKind.PIN), None)

    def add(kind: RemarkKind, field: str, done: str) -> None:
        text = str(st.session_state.get(field, ""))
        wish = lambda key: operations.add(actor, kind, run.workspace, run.id, text, key)  # noqa: E731  # named for `attempt`
        if attempt(f"{kind.value}_{run.id}", wish, done):
            st.session_state[field] = ""

    left, right = st.columns([0.6, 0.4])
    with left, st.container(border=True, key="card_notes"):
        draw(card_head("Notes", "kept in the ledger"))
        st.text_area("New note", key="new_note", height=80, max_chars=2000)
        action("Write", key="write_note", refusal=refused,
               on_click=lambda: add(RemarkKind.NOTE, "new_note", "The note is written."))  # fmt: skip
        notes = [remark for remark in standing if remark.kind is RemarkKind.NOTE]
        for note in notes:
            _note(note)
        if not notes:
            draw(empty("No note yet", "What one has learnt from a run, for whoever opens it next.", "edit_note"))
    with right, st.container(border=True, key="card_marks"):
        draw(card_head("Labels", "found as label:word"))
        for label in [remark for remark in standing if remark.kind is RemarkKind.LABEL]:
            _taken_back(wired, actor, label, label.text, refused)
        st.text_input("New label", key="new_label", max_chars=40)
        action("Add", key="add_label", refusal=refused,
               on_click=lambda: add(RemarkKind.LABEL, "new_label", "The label is added."))  # fmt: skip
        draw(card_head("Candidate", "found as pinned:yes"))
        if pinned is not None:
            _taken_back(wired, actor, pinned, f"★ {pinned.text}", refused)
        else:
            st.text_input("Why it may become a release", key="pin_why", max_chars=500)
            action("Pin as candidate", key="pin_run", refusal=refused, symbol="keep",
                   on_click=lambda: add(RemarkKind.PIN, "pin_why", "The run is pinned."))  # fmt: skip


def _note(note: Remark) -> None:
    by = fill('<p class="quiet">{by}, {ago}</p>', by=Untrusted(note.by, 40), ago=ago(note.at, utc_now()))
    draw(fill("{text}{by}", text=prose(Untrusted(note.text, 2000)), by=by))


def _taken_back(wired: Wiring, actor: Actor, remark: Remark, words: str, refused: str) -> None:
    def end() -> None:
        attempt(f"end_{remark.id}", lambda _key: wired.backend.run_remarks.end(actor, remark.id), "It is removed.")

    with st.container(horizontal=True, vertical_alignment="center", key=f"remark_{remark.id}"):
        by = Untrusted(remark.by, 40)
        said = fill("<b>{text}</b> <span class=quiet>{by}</span>", text=Untrusted(words, 200), by=by)
        st.html(said, width="content")
        st.button(
            "Remove",
            key=f"end_{remark.id}",
            type="tertiary",
            disabled=bool(refused),
            help=refused or None,
            on_click=end,
        )
