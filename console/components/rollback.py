"""Rolling back production, and lifting the hold that a rollback or an abort leaves behind."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.endpoints import Endpoint
from backend.domain.people import Actor, Right, who_may
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.markup import draw, fill
from console.components.states import notice
from console.viewmodels.figures import ago
from console.viewmodels.text import Untrusted
from console.viewmodels.way_back import served, warm, was_sent_away
from console.wiring import Wiring


def roll_back_button(wired: Wiring, actor: Actor, endpoint: Endpoint | None) -> None:
    """Disabled, with the reason, where the role or the world does not allow it."""
    promotions, name = wired.backend.promotions, wired.settings.project.endpoint
    stable = promotions.stable()
    before = promotions.ways_back()
    versions = served(before, stable)
    refusal = ""
    if not actor.may(Right.CONTROL):
        refusal = f"Needs the role {who_may(Right.CONTROL)}."
    elif promotions.active(name) is not None:
        refusal = "A promotion is under way: abort it instead."
    elif not versions:
        refusal = "No other version has served before."
    label = f"Roll back to v{versions[0]}…" if versions else "Roll back…"
    with st.container(key="danger_roll_back"):
        clicked = action(label, key="roll_back", refusal=refusal, symbol="undo")
    if versions:
        draw(
            fill(
                "<p class=quiet>Returns 100 % to v{version}, {state}.{undoes}</p>",
                version=versions[0],
                state=_state(endpoint, versions[0]),
                undoes=" It was itself rolled back: this undoes that." if was_sent_away(before, versions[0]) else "",
            )
        )
    elif refusal:
        draw(fill("<p class=quiet>{refusal}</p>", refusal=refusal))
    if clicked:
        open_dialog("Roll back production", lambda: _body(wired, actor, endpoint, stable, versions))


def _state(endpoint: Endpoint | None, version: str) -> str:
    name = warm(endpoint, version)
    return f"{name} is still warm: seconds" if name else "which must be created again: minutes"


def _body(wired: Wiring, actor: Actor, endpoint: Endpoint | None, stable: str, versions: tuple[str, ...]) -> None:
    version = versions[0]
    if len(versions) > 1:
        version = st.selectbox("Return to", versions, key="roll_back_to", format_func=lambda v: f"v{v}")
    confirm_body(
        (("Traffic", f"100 % {stable}", f"100 % v{version}"),),
        fill("<p>{state}. New promotions are held until somebody lifts the hold.</p>", state=_state(endpoint, version)),
        form=f"roll_back_{stable}",
        label=f"Roll back to v{version}",
        danger=True,
        reason=f"{stable} does not do well in production.",
        done=f"Production returns to v{version}.",
        wish=lambda key, reason: wired.backend.promotions.roll_back(actor, stable, reason, key, to_version=version),
    )


def hold_notice(wired: Wiring, actor: Actor) -> None:
    """Who holds the endpoint and why, with the button that lifts it; nothing where there is no hold."""
    held = wired.backend.steering.hold()
    if held is None:
        return
    text = Untrusted(f"{held.set_by}, {ago(held.set_at, utc_now())}: {held.reason}", 400)
    draw(notice("Promotions are held", text, "warn", "front_hand"))
    refusal = "" if actor.may(Right.PROMOTE) else f"Needs the role {who_may(Right.PROMOTE)}."
    if not action("Lift the hold…", key="lift_hold", refusal=refusal, symbol="lock_open"):
        return

    def body() -> None:
        confirm_body(
            (("Promotions", "held", "allowed"),),
            fill("<p>Nothing is promoted by this; the next decision may be.</p>"),
            form=f"hold_{held.promotion[:12]}",
            label="Lift the hold",
            reason="",
            done="The hold is lifted.",
            wish=lambda _, reason: wired.backend.steering.release_hold(actor, reason),
        )

    open_dialog("Lift the hold", body)
