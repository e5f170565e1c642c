"""Rolling back production: one button, one confirmation."""

from __future__ import annotations

import streamlit as st

from backend.domain.endpoints import Endpoint
from backend.domain.people import Actor, Right, who_may
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.markup import draw, fill
from console.wiring import Wiring


def previous(endpoint: Endpoint | None) -> tuple[str, str]:
    """The warm deployment that traffic would return to, and its version; empty where there is none."""
    if endpoint is None or endpoint.stable is None:
        return "", ""
    warm = [d for d in endpoint.deployments if endpoint.traffic.get(d.name, 0) == 0 and d.name != endpoint.stable]
    newest = max(warm, key=lambda d: (d.created_at is not None, d.created_at), default=None)
    return (newest.name, newest.version) if newest else ("", "")


def roll_back_button(wired: Wiring, actor: Actor, endpoint: Endpoint | None) -> None:
    """Disabled, with the reason, where the role or the world does not allow it."""
    name, version = previous(endpoint)
    stable = endpoint.stable if endpoint else None
    active = wired.backend.promotions.active(wired.settings.project.endpoint)
    refusal = ""
    if not actor.may(Right.CONTROL):
        refusal = f"Needs the role {who_may(Right.CONTROL)}."
    elif active is not None:
        refusal = "A promotion is under way: abort it instead."
    elif not name or stable is None:
        refusal = "No earlier deployment is warm."
    label = f"Roll back to v{version}…" if version else "Roll back…"
    with st.container(key="danger_roll_back"):
        clicked = action(label, key="roll_back", refusal=refusal, symbol="undo")
    if name:
        draw(fill("<p class=quiet>Returns 100 % to {name}, which is still warm.</p>", name=name))
    if not clicked or stable is None:
        return

    def body() -> None:
        confirm_body(
            (("Traffic", f"100 % {stable}", f"100 % {name}"),),
            fill("<p>Takes seconds. {stable} keeps running without traffic until you decide.</p>", stable=stable),
            form=f"roll_back_{stable}",
            label=f"Roll back to v{version}",
            reason=f"{stable} does not do well in production.",
            done=f"Production returns to v{version}.",
            wish=lambda key, reason: wired.backend.promotions.roll_back(actor, stable, reason, key, to_version=version),
        )

    open_dialog(f"Roll back to v{version}", body)
