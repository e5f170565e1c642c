"""The controls, what became of trying to go past each, and the button that has them tried."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.people import Actor
from console.components.cards import word
from console.components.dialogs import action
from console.components.markup import Content, Html, card_head, draw, fill
from console.components.tables import Column, strong, table, two_lines
from console.session import attempt
from console.viewmodels.drills import ControlRow, control_rows, drill_line, under_way
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

HEADS = (
    Column("Control", breaks=True),
    Column("Result"),
    Column("Tried as", breaks=True),
    Column("What came of it", breaks=True),
)


def controls(wired: Wiring, actor: Actor) -> None:
    drills, now = wired.backend.drills, utc_now()
    latest = drills.latest()
    rows = control_rows(drills.standing(), now)
    with st.container(border=True, key="card_controls"):
        draw(card_head("Controls", Untrusted(drill_line(latest, now), 300)))
        told, run = st.columns([0.8, 0.2], vertical_alignment="center")
        with told:
            draw(
                Html(
                    '<p class="quiet">A drill tries to go past every control, on a stand-in branch and an endpoint '
                    "that does not exist, and removes what it made. Each try has to be refused.</p>"
                )
            )
        with run:
            refusal = drills.refusal(actor) or under_way(latest)
            action(
                "Run drill",
                key="run_drill",
                refusal=refusal,
                symbol="verified_user",
                on_click=lambda: _run(wired, actor),
            )
        grid = table(HEADS, [_row(row) for row in rows], caption="Controls")
        draw(fill('<div class="controls">{grid}</div>', grid=grid))


def _run(wired: Wiring, actor: Actor) -> None:
    attempt("drill", lambda key: wired.backend.drills.run(actor, key), "The worker tries every control now.")


def _row(row: ControlRow) -> tuple[Content, ...]:
    return two_lines(strong(row.name), row.since), word(row.state), row.tried, row.told
