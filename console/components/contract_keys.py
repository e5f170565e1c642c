"""The two keys of an endpoint: take one, see who uses which, and replace one when nobody does."""

from __future__ import annotations

import uuid

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.key_rotation import KeyRotation, KeyUse, RotationState, Which
from backend.domain.people import Actor
from console import topics
from console.components.cards import card
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.markup import Html, card_head, draw, fill, join
from console.components.states import empty, freshness, notice, waiting
from console.components.tables import Column, code, strong, table
from console.session import attempt
from console.snapshots import Topic
from console.viewmodels.figures import ago, plural
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

_TAKEN = "contract_key_taken"
STATES = {
    RotationState.WANTED: "waits for the worker",
    RotationState.RUNNING: "under way",
    RotationState.DONE: "done",
    RotationState.FAILED: "failed",
}


def taken(actor: Actor) -> Topic[str] | None:
    """The key that this tab has asked for; it is in no file, and leaves memory with the tab's interest."""
    held = st.session_state.get(_TAKEN)
    return topics.key(actor, held[0], Which(held[1]), held[2]) if held else None


def take_key(wired: Wiring, actor: Actor, endpoint: str) -> None:
    """A button that shows the endpoint's primary key to who may have it, once the ledger knows."""
    refusal = wired.backend.keyring.refusal(actor)
    held = st.session_state.get(_TAKEN)
    if held and held[0] == endpoint:
        topic = taken(actor)
        assert topic is not None
        reading = wired.snapshots.watch(topic)
        if reading.value is None:
            draw(waiting(reading, "the key"))
        else:
            st.code(f"export MLOPS_KEY={reading.value}", language="bash", wrap_lines=True)
        if st.button("Hide it", key="key_hide", type="tertiary"):
            st.session_state.pop(_TAKEN)
            st.rerun()
        return

    def announce() -> None:
        if attempt(
            f"take_key/{endpoint}",
            lambda _key: wired.backend.keyring.announce(actor, endpoint, Which.PRIMARY),
            f"The ledger keeps that you took a key of {endpoint}.",
        ):
            st.session_state[_TAKEN] = (endpoint, Which.PRIMARY.value, uuid.uuid4().hex)

    with st.container(key="take_key", width="content"):
        action("Show me a key", key="key_show", refusal=refusal, on_click=announce, symbol="key")


def keys_card(wired: Wiring, actor: Actor, endpoint: str) -> None:
    """The wizard: move the callers, see the key fall silent, replace it."""
    reading = wired.snapshots.watch(topics.key_use(endpoint))
    now = utc_now()
    draw(freshness(reading, now))
    use = reading.value
    if use is None:
        would_be = "Who calls with which key, by what callers say of themselves."
        draw(card("Two keys", waiting(reading, "who uses which key") or empty("Not read yet", would_be, "key")))
        return
    draw(card("Two keys", _standings(use), note="the last hour", name="keys"))
    draw(_unknown(use))
    with st.container(border=True, key="card_rotate"):
        draw(card_head("Replace a key", "without a call that fails"))
        draw(
            Html(
                "<ol><li>Give every caller the other key. Both are good all the time.</li>"
                "<li>Wait until the log shows an hour without a call by the key that is to go.</li>"
                "<li>Replace it. The old one is answered with 401 from then on; watch the calls with a wrong key.</li>"
                "</ol>"
            )
        )
        for column, which in zip(st.columns(2), Which, strict=True):
            with column:
                _replace(wired, actor, endpoint, which, use)
    draw(_history(wired.backend.keyring.rotations(endpoint)))


def _standings(use: KeyUse) -> Html:
    rows = [
        (
            strong(k.which.value.capitalize()),
            code(k.mark),
            f"{k.requests:,}",
            ago(k.last, use.end) if k.last else "not seen",
            Untrusted(", ".join(k.callers) or "–", 200),
        )
        for k in use.keys
    ]
    heads = (Column("Key"), Column("Mark"), Column("Calls", number=True), Column("Last"), Column("Callers"))
    return table(heads, rows, caption="Keys and who uses them")


def _unknown(use: KeyUse) -> Html:
    """What cannot be known, in plain words."""
    unstated = ", ".join(use.unstated_callers)
    denied = ", ".join(use.denied_callers)
    parts = [
        fill("<p>Without a word on their key{who}: {n}.</p>", n=plural(use.unstated, "call"), who=_by(unstated)),
        fill("<p>With a wrong key{who}: {n}.</p>", n=plural(use.denied, "call"), who=_by(denied)),
        Html(
            "<p class='quiet'>Azure logs that a call came with a key, not with which. So this rests on what callers "
            "write into their User-Agent, <code>key/</code> and the first eight digits of the key's sha256, as the "
            "clients on this page do. Of a caller that says nothing nobody can tell, before the key is replaced.</p>"
        ),
    ]
    return card("What is not known", join(parts), name="unstated")


def _by(who: str) -> Html:
    return fill(", from {who}", who=Untrusted(who, 200)) if who else Html("")


def _replace(wired: Wiring, actor: Actor, endpoint: str, which: Which, use: KeyUse) -> None:
    against = wired.backend.keyring.in_the_way(use, which)
    draw(
        notice(f"The {which.value} key may be in use", Untrusted(" ".join(against), 400), "warn", "warning")
        if against
        else notice(f"The {which.value} key is silent", "An hour without a call.", "good", "check_circle")
    )
    anyway = bool(against) and st.checkbox("Replace it anyway: those calls will fail", key=f"anyway_{which.value}")
    refusal = wired.backend.keyring.refusal(actor) or ("" if anyway or not against else " ".join(against))
    if action(f"Replace the {which.value} key", key=f"rotate_{which.value}", refusal=refusal, symbol="sync"):
        open_dialog(
            f"Replace the {which.value} key of {endpoint}",
            lambda: confirm_body(
                [
                    (f"The {which.value} key", "answered", "401"),
                    (f"The {which.other.value} key", "answered", "answered"),
                ],
                fill("<p>The worker does it within seconds and the ledger keeps your reason.</p>"),
                form=f"rotate/{endpoint}/{which.value}",
                label=f"Replace the {which.value} key",
                danger=True,
                reason="",
                done=f"The {which.value} key is being replaced.",
                wish=lambda key, reason: wired.backend.keyring.rotate(
                    actor, endpoint, which, reason, key, use, anyway=anyway
                ),
            ),
        )


def _history(found: tuple[KeyRotation, ...]) -> Html:
    if not found:
        return card("Replaced so far", empty("None yet", "Each replacement, who asked for it and why.", "history"))
    now = utc_now()
    rows = [
        (
            strong(f"{one.which.value.capitalize()}, {STATES[one.state]}"),
            ago(one.asked_at, now),
            Untrusted(one.asked_by, 60),
            Untrusted(f"{one.reason} {one.outcome}", 400),
        )
        for one in found
    ]
    heads = (Column("Key"), Column("Asked"), Column("By"), Column("Why, and how it went"))
    return card("Replaced so far", table(heads, rows, caption="Replacements"), name="rotations")
