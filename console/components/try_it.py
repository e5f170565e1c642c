"""A call to the test endpoint from the page: a form with the contract's fields, and the answer as it came."""

from __future__ import annotations

import json
import uuid

import streamlit as st

from backend.domain.contract import Contract, Tried
from backend.domain.people import Actor
from console import topics
from console.components.contract_cards import outcome_card
from console.components.markup import card_head, draw, fill
from console.components.states import waiting
from console.snapshots import Topic
from console.viewmodels.contract import outcome
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

_ASKED = "contract_asked"


def asked(actor: Actor) -> Topic[Tried] | None:
    """What this tab has asked last; pages follow it, so that they are drawn when the answer is there."""
    held = st.session_state.get(_ASKED)
    return topics.tried(actor, held[0], held[1]) if held else None


def try_it(wired: Wiring, actor: Actor, contract: Contract, endpoint: str) -> None:
    with st.container(border=True, key="card_try"):
        draw(card_head("Try it", fill("one invented patient, asked of {endpoint}", endpoint=endpoint)))
        count = len(contract.examples)
        place = st.selectbox(
            "Start from", range(count), format_func=lambda n: f"Invented patient {n + 1}", key="try_example"
        )
        with st.form(f"try_{place}", border=False):
            row = _fields(contract, place or 0)
            if st.form_submit_button("Ask the test endpoint", type="primary", key="try_ask"):
                st.session_state[_ASKED] = (row, uuid.uuid4().hex)
                st.rerun()
        _answer(wired, actor)


def _fields(contract: Contract, place: int) -> dict[str, float | int]:
    row: dict[str, float | int] = {}
    columns = st.columns(4)
    for index, field in enumerate(contract.fields):
        value = contract.examples[place].row[field.name]
        with columns[index % 4]:
            row[field.name] = st.number_input(
                f"{field.name}, {field.unit.split(',')[0]}",
                value=int(value) if field.whole else float(value),
                step=1 if field.whole else 0.01,
                format="%d" if field.whole else "%g",
                key=f"try_{place}_{field.name}",
            )
    return row


def _answer(wired: Wiring, actor: Actor) -> None:
    topic = asked(actor)
    if topic is None:
        return
    reading = wired.snapshots.watch(topic)
    if reading.value is None:
        draw(waiting(reading, "the answer"))
        return
    found = outcome(reading.value)
    draw(outcome_card(found))
    with st.expander("The answer as it came", key="try_body"):
        st.code(Untrusted(_indented(found.body)).lines(4_000), language="json", wrap_lines=True)


def _indented(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
