"""Setup: what is declared, what is there, field by field, what has drifted, and whether the controls refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.setup import SetupPlan
from console import topics, wiring
from console.components.cards import word
from console.components.drills import controls
from console.components.header import page_header
from console.components.live import CALM, FAST, follow
from console.components.markup import Content, Html, card_head, draw, fill, join
from console.components.setup_findings import setup_findings
from console.components.states import empty, freshness, waiting
from console.components.tables import Column, table
from console.session import signed_in, tell
from console.viewmodels.drills import under_way
from console.viewmodels.figures import age
from console.viewmodels.setup import FieldRow, Side, counts, headline, sides

if TYPE_CHECKING:
    from backend.bootstrap import Backend

HEADS = (
    Column("Resource", breaks=True),
    Column("Where", breaks=True),
    Column(""),
    Column("Field", breaks=True),
    Column("Now", breaks=True),
    Column("Declared", breaks=True),
)


def show() -> None:
    person = signed_in()
    wired = wiring.current()
    reading = wired.snapshots.watch(topics.plan())
    plan = reading.value
    page_header(
        "Setup",
        state=headline(plan),
        meta=Html(
            "Both sides as one file declares them. <code>mlops setup apply</code> makes them so, deleting nothing."
        ),
    )
    drill = wired.backend.drills.latest()
    busy = bool(under_way(drill))
    follow("setup", (topics.plan().key,), lambda: _marks(wired.backend), every=FAST if busy else CALM)
    tell()
    draw(freshness(reading, utc_now()))
    setup_findings(wired, person, plan)
    controls(wired, person)
    if plan is None:
        draw(waiting(reading, "the setup"))
        return
    with st.container(border=True, key="card_plan"):
        draw(card_head("Plan", age(reading, utc_now())))
        draw(_summary(plan))
        for side in sides(plan):
            _side(side)


def _marks(backend: Backend) -> tuple[object, ...]:
    drill = backend.drills.latest()
    found = tuple(finding.model_dump_json() for finding in backend.setup.findings())
    return found, drill.model_dump_json() if drill else ""


def _summary(plan: SetupPlan) -> Html:
    parts = [
        fill("<span><b>{number}</b> {word}</span>", number=number, word=word(pill)) for number, pill in counts(plan)
    ]
    if plan.cost is None:
        cost = Html("No price is declared for what always runs: <code>prices</code> in the settings names them.")
    else:
        cost = fill(
            "About <b>{amount}</b>: {made_of}. {without}",
            amount=_money(plan),
            made_of=plan.cost.made_of,
            without=plan.cost.without,
        )
    return fill('<p class="counts">{parts}</p><p class="quiet">{cost}</p>', parts=join(parts, " · "), cost=cost)


def _money(plan: SetupPlan) -> str:
    return f"{plan.cost.amount:,.0f} {plan.cost.currency} a month" if plan.cost else ""


def _side(side: Side) -> None:
    draw(fill('<h3 class="side">{name} <span class="quiet">{count}</span></h3>', name=side.name, count=side.count))
    if side.differing:
        draw(_fields(side.differing, f"{side.name}: what differs"))
    else:
        draw(empty("Nothing differs", "Every declared field reads as it is declared.", "task_alt"))
    with st.expander(f"All declared fields on {side.name}", key=f"whole_{side.name.lower()}"):
        draw(_fields(side.whole, f"{side.name}, field by field"))


def _fields(rows: tuple[FieldRow, ...], caption: str) -> Html:
    return fill('<div class="fields">{rows}</div>', rows=table(HEADS, [_row(row) for row in rows], caption=caption))


def _row(row: FieldRow) -> tuple[Content, ...]:
    state = word(row.state) if row.state else Html("")
    return row.thing, row.where, state, row.field, row.now, row.declared


show()
