"""Who is acting in this browser tab, what the URL selects, and the keys of half-filled forms."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import streamlit as st

from backend.domain.people import Actor
from backend.errors import BackendError, NotPermitted
from console import wiring
from console.components.markup import Html, draw, fill, icon
from console.components.states import notice
from console.middleware import UNREACHABLE
from console.viewmodels.text import Untrusted

CHANNEL = "console"
SELECTIONS = frozenset(
    {"number", "version", "promotion", "from", "to", "chart", "metric", "run", "compare", "new", "baseline", "pick",
     "sort", "columns", "parts", "artefact", "against", "log"}
)  # fmt: skip
"""What an address says that no widget is bound to: `keep_address` writes it, which no page may do to a bound name."""
MOST_DIGITS = 9
SETTLE_SECONDS = 3.0
TELL_SECONDS = 20.0
_LEAVING = "signing_out"
_DRAWN_FOR = "drawn_for"


def signed_in() -> Actor:
    """The actor, or a page that asks to sign in, which ends this run."""
    if st.session_state.get(_LEAVING):
        draw(Html('<p class="quiet" role="status">Signing out…</p>'))
        st.stop()
    if not st.user.to_dict().get("is_logged_in"):
        _sign_in_page("")
    try:
        actor = wiring.current().backend.people.actor(_claims(), CHANNEL)
    except NotPermitted as refusal:
        _sign_in_page(str(refusal))
        raise
    if not _noted(actor):
        wiring.current().backend.people.signed_in(st.user.to_dict(), CHANNEL)
    st.session_state[_DRAWN_FOR] = actor
    return actor


def _claims() -> dict[str, object]:
    """What the cookie of this tab says. Raises NotPermitted where it has ended."""
    claims = st.user.to_dict()
    expires = claims.get("exp")
    if isinstance(expires, int | float) and expires < time.time():
        raise NotPermitted("Your sign-in has ended.")
    return dict(claims)


def sign_out() -> None:
    """End the sign-in of this browser.

    The tab forgets it at once, but the cookie goes only when the browser has followed the way out (Streamlit 1.67):
    until then no page may say that it is done. The other tabs hold the cookie's content until they connect again; the
    ledger is what ends them.
    """
    drawn_for = st.session_state.get(_DRAWN_FOR)
    if isinstance(drawn_for, Actor):
        wiring.current().backend.people.signed_out(drawn_for)
    st.session_state[_LEAVING] = True
    st.logout()


def _noted(actor: Actor) -> bool:
    """Whether the ledger knows of this sign-in: it is noted once, by whichever tab is first."""
    if not st.session_state.get("sign_in_noted"):
        latest = wiring.current().backend.ledger.entries(limit=1, subject=f"person/{actor.name}", actor=actor.name)
        since = actor.authenticated_at
        st.session_state["sign_in_noted"] = True
        return since is None or (bool(latest) and latest[0].at >= since)
    return True


def _sign_in_page(reason: str) -> None:
    with st.container(key="sign_in_page"):
        draw(
            fill(
                '<div class="gate">{icon}<h1>MLOps Console</h1><p>From a pull request to the model that practitioners'
                " use, with a name behind every step.</p></div>",
                icon=icon("verified_user", "blue"),
            )
        )
        if reason:
            draw(notice("Please sign in again", reason, "warn", "lock"))
        elif parameter("sign_in") == UNREACHABLE:
            draw(
                notice(
                    "Signing in is not possible now",
                    "The identity provider does not answer. Try again in a moment; nothing was changed.",
                    "warn",
                    "cloud_off",
                )
            )
        st.button("Sign in", type="primary", key="sign_in", on_click=st.login, width="stretch")
        if wiring.current().settings.environment_label:
            draw(fill('<p class="gate-label">{label}</p>', label=wiring.current().settings.environment_label))
    st.stop()


def parameter(name: str) -> str:
    """One query parameter, "" where it is absent."""
    value = st.query_params.get(name, "")
    return value if isinstance(value, str) else ""


def numbered(name: str) -> int | None:
    """A query parameter that counts something: None where it is no number that GitHub or a registry could give."""
    value = parameter(name)
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= MOST_DIGITS else None


def keep_address(page: str) -> None:
    """Write the selection into the browser's address where a link has changed it.

    A link to the page that is already open hands its query to one run and leaves the address as it was
    (Streamlit 1.67), so that the next run would forget what was selected.
    """
    chosen = {name: value for name, value in st.query_params.to_dict().items() if name in SELECTIONS}
    before = st.session_state.get("address")
    st.session_state["address"] = (page, chosen)
    if before is not None and before[0] == page and before[1] != chosen:
        # Sends the whole address; what a widget is bound to stays as it is.
        st.query_params.update(chosen)


def form_key(form: str) -> str:
    """The idempotency key of a form: made when it is first drawn, the same for every click on it."""
    held = st.session_state.setdefault("form_keys", {})
    return str(held.setdefault(form, uuid.uuid4().hex))


def attempt(form: str, wish: Callable[[str], object], done: str) -> bool:
    """Carry out a click's wish under the form's key and keep what to tell the person after the rerun.

    The clicks of a double click are one wish: those that follow a recorded one within seconds are dropped, and
    clicks that overtake it carry the same key.
    """
    finished = st.session_state.setdefault("forms_done", {})
    if time.monotonic() - finished.get(form, -SETTLE_SECONDS) < SETTLE_SECONDS:
        return True
    try:
        _still_may()
        wish(form_key(form))
    except BackendError as refusal:
        st.session_state["told"] = ("bad", str(refusal), time.monotonic())
        return False
    finished[form] = time.monotonic()
    st.session_state["form_keys"].pop(form, None)
    st.session_state["told"] = ("good", done, time.monotonic())
    return True


def _still_may() -> None:
    """A fragment runs without the page around it: who is acting is looked at again at each write.

    Raises NotPermitted where the sign-in has ended, or holds other roles than those the page was drawn for.
    """
    drawn_for = st.session_state.get(_DRAWN_FOR)
    actor = wiring.current().backend.people.acting(_claims(), CHANNEL)
    if isinstance(drawn_for, Actor) and (actor.name, actor.roles) != (drawn_for.name, drawn_for.roles):
        lost = ", ".join(sorted(drawn_for.roles - actor.roles)) or "another person's"
        raise NotPermitted(f"You no longer have the role {lost}. Sign out and in again to go on with those you have.")


def tell(failed: str = "") -> None:
    """Draw the outcome of the last click, long enough to be read; `failed`, where it came to nothing afterwards."""
    tone, text, at = st.session_state.get("told") or ("", "", 0.0)
    fresh = bool(text) and time.monotonic() - at <= TELL_SECONDS
    if failed and not (fresh and tone == "bad"):
        tone, text = "bad", failed
    elif not fresh:
        return
    title, symbol = ("Recorded", "check_circle") if tone == "good" else ("Not done", "error")
    draw(notice(title, Untrusted(text, 600), tone, symbol))
