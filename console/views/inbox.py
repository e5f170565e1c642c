"""Inbox: what a person is told of, from the ledger, and the Teams and Slack targets that are told beside it."""

from __future__ import annotations

import math
from functools import partial

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.notifications import Sending, TargetStanding
from backend.domain.people import Actor, Right
from backend.operations.authorise import refusal
from console import navigation, wiring
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import card_head, draw, fill
from console.components.states import empty
from console.session import attempt, signed_in, tell
from console.viewmodels.figures import plural
from console.viewmodels.inbox import Row, rows, target_words
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

PAGE = 20
_PLACES = {place.path: place for place in (*navigation.WORK, *navigation.GOVERN, navigation.INBOX)}


def show() -> None:
    wired, person = wiring.current(), signed_in()
    inbox = wired.backend.inbox
    page_header("Inbox", meta="What was decided, what waits and what needs somebody, as the ledger has it.")
    follow("inbox", (), lambda: (inbox.of(person), inbox.targets(person)), every=5.0)
    tell()
    navigation.link(navigation.OVERVIEW, "What waits for you now", "to_waits", "task_alt")
    with st.container(border=True, key="card_inbox"):
        _told(wired, person, rows(inbox.of(person), utc_now()))
    with st.container(border=True, key="card_targets"):
        _targets(wired, person)


def _told(wired: Wiring, person: Actor, found: tuple[Row, ...]) -> None:
    unread = tuple(row.sequence for row in found if not row.read)
    draw(card_head("Told to you", f"{len(unread)} unread" if unread else "all read"))
    if not found:
        draw(empty("Nothing yet", "Approvals, promotions, merges and what needs you, each with its page."))
        return
    if unread:
        _mark(wired, person, "all", "Mark all as read", unread)
    many = math.ceil(len(found) / PAGE)
    page = min(st.pagination(many, key="p", bind="query-params"), many) if many > 1 else 1
    for row in found[(page - 1) * PAGE : page * PAGE]:
        _row(wired, person, row)


def _row(wired: Wiring, person: Actor, row: Row) -> None:
    what, about, mark = st.columns([0.64, 0.22, 0.14], vertical_alignment="center")
    with what:
        place = _PLACES.get(row.path, navigation.AUDIT)
        key = f"{'told' if row.read else 'unread'}_{row.sequence}"
        navigation.link(place, row.what, key, row.symbol, **row.selects)
    with about:
        draw(
            fill(
                '<span class="quiet" title="{full}, ledger entry {sequence}, {digest}">{about} · {age}</span>',
                full=row.full,
                sequence=str(row.sequence),
                digest=row.digest,
                about=row.about,
                age=row.age,
            )
        )
    with mark:
        if not row.read:
            _mark(wired, person, str(row.sequence), "Mark as read", (row.sequence,))


def _mark(wired: Wiring, person: Actor, name: str, label: str, sequences: tuple[int, ...]) -> None:
    def read() -> None:
        wired.backend.inbox.read(person, sequences)

    st.button(label, key=f"read_{name}", type="tertiary", on_click=read)


def _targets(wired: Wiring, person: Actor) -> None:
    found = wired.backend.inbox.targets(person)
    draw(card_head("Teams and Slack", plural(len(found), "target")))
    if not found:
        would_be = "Channels that are told the same, one [notifications.<name>] table each in the settings."
        draw(empty("No channel is told", would_be, "forum"))
        return
    why_not = refusal(person, Right.SETUP)
    for standing in found:
        _target(wired, person, standing, why_not)


def _target(wired: Wiring, person: Actor, standing: TargetStanding, why_not: str) -> None:
    what, button = st.columns([0.8, 0.2], vertical_alignment="center")
    with what:
        draw(
            fill(
                '<p><b>{name}</b> <span class="quiet">{form} · {kinds} · {words}</span></p>',
                name=Untrusted(standing.name, 60),
                form=standing.form,
                kinds=", ".join(standing.kinds),
                words=target_words(standing),
            )
        )
    with button:

        def send_test() -> None:
            done = f"{standing.name} took the test."
            attempt(f"test_{standing.name}", lambda _: wired.backend.inbox.test(person, standing.name), done)

        key = f"test_{standing.name}"
        st.button("Send a test", key=key, disabled=bool(why_not), help=why_not or None, on_click=send_test)
    for sending in standing.dead:
        _given_up(wired, person, sending, why_not)


def _given_up(wired: Wiring, person: Actor, sending: Sending, why_not: str) -> None:
    what, button = st.columns([0.8, 0.2], vertical_alignment="center")
    with what:
        words = f"Ledger entry {sending.sequence} was given up after {plural(sending.attempts, 'attempt')}: "
        outcome = Untrusted(sending.outcome, 200)
        draw(fill('<p class="warn">{words}{outcome}</p>', words=words, outcome=outcome))
    with button:

        def again() -> None:
            wish = partial(wired.backend.inbox.send_again, person, sending.sequence, sending.target)
            attempt(key, lambda _: wish(), "It is sent again.")

        key = f"again_{sending.target}_{sending.sequence}"
        st.button("Send again", key=key, disabled=bool(why_not), help=why_not or None, on_click=again)


show()
