"""Unexplained events where people take and explain them."""

from __future__ import annotations

import streamlit as st

from backend.domain.people import Actor
from backend.domain.unexplained import UnexplainedEvent
from console.components.cards import word
from console.components.dialogs import Question, ask
from console.components.markup import Content, Html, card_head, draw, fill
from console.components.owned import owned_row, take_button
from console.components.states import empty
from console.components.tables import Column, table, two_lines
from console.viewmodels.figures import stamp
from console.viewmodels.proof import event_state
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

TOLD = 10
WOULD_BE = (
    "Traffic, keys, deployments and models changed elsewhere, merges past the rules and pushes to main: "
    "each stays here until somebody says what it was."
)


def unexplained_events(wired: Wiring, actor: Actor) -> None:
    """Open ones with their buttons, then what the last ones were."""
    events = wired.backend.events.list(actor)
    waiting = [event for event in events if event.unexplained]
    explained = [event for event in events if not event.unexplained][:TOLD]
    with st.container(border=True, key="card_unexplained"):
        draw(card_head("Unexplained events", f"{len(waiting)} open" if waiting else "none"))
        if not events:
            draw(empty("Nothing has happened outside the console", WOULD_BE, "verified_user"))
        elif not waiting:
            draw(empty("Everything is explained", WOULD_BE, "verified_user"))
        for event in waiting:
            _event(wired, actor, event)
        if explained:
            with st.expander(f"Explained, the last {len(explained)}", key="explained_events"):
                heads = [Column(title, breaks=True) for title in ("What", "Explained by", "Explanation")]
                draw(table(heads, [_row(event) for event in explained], caption="Explained events"))


def _event(wired: Wiring, actor: Actor, event: UnexplainedEvent) -> None:
    events = wired.backend.events
    refusal = events.refusal(actor)
    effect = Html("<p>You look into it. It stays open, and nothing is promoted, until somebody explains it.</p>")
    owned_row(
        _told(event),
        lambda: take_button(actor, event.id, event.owner, effect, events.take, refusal, "You look into it now."),
        lambda: ask(
            "Explain…",
            _explanation(wired, actor, event),
            key=f"explain_{event.id}",
            refusal=refusal,
            symbol="edit_note",
        ),
    )


def _told(event: UnexplainedEvent) -> Html:
    happened = f", {stamp(event.happened_at)} by the service's own record" if event.happened_at else ""
    owner = f"{event.owner}: {event.owned_because}" if event.owner else "nobody has taken it"
    resolved = f" As it should be again since {stamp(event.resolved_at)}." if event.resolved_at else ""
    return fill(
        '{state} <b>{what}</b><p class="quiet">Seen first {first}{happened}; {owner}.{resolved}</p>',
        state=word(event_state(event)),
        what=Untrusted(event.sentence, 400),
        first=stamp(event.first_seen),
        happened=happened,
        owner=Untrusted(owner, 200),
        resolved=resolved,
    )


def _explanation(wired: Wiring, actor: Actor, event: UnexplainedEvent) -> Question:
    return Question(
        title="Explain it",
        changes=(("State", event.state.value, "explained"),),
        effect=fill(
            "<p>{what}</p><p>What was it, and who did it? This closes it for ever.</p>",
            what=Untrusted(event.sentence, 400),
        ),
        form=f"explain_{event.id}",
        label="Explain it",
        done="It is explained.",
        wish=lambda _, reason: wired.backend.events.explain(actor, event.id, reason),
    )


def _row(event: UnexplainedEvent) -> tuple[Content, ...]:
    return (
        two_lines(Untrusted(event.sentence, 300), stamp(event.first_seen)),
        Untrusted(event.explained_by, 60),
        Untrusted(event.explanation, 400),
    )
