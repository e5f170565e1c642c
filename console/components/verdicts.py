"""Saying no to a version, as easily as yes: request changes, reject, hold."""

from __future__ import annotations

import streamlit as st

from backend.domain.decisions import Decision
from backend.domain.people import Actor, Right, who_may
from backend.domain.registry import VersionState
from backend.operations.models import WhenServing
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.markup import Html, fill
from console.wiring import Wiring

OUTCOMES = {
    WhenServing.KEEP: "Keep it serving",
    WhenServing.ROLL_BACK: "Roll back at once",
}


def approval_marks(wired: Wiring, decision: Decision) -> tuple[object, ...]:
    """What makes the page draw itself anew."""
    dossier = decision.dossier
    return dossier.assent, dossier.quarantine, dossier.override, dossier.overrides, wired.backend.steering.hold()


def needs(actor: Actor, right: Right) -> str:
    """Why a button does nothing for this person, "" where it does."""
    return "" if actor.may(right) else f"Needs the role {who_may(right)}."


def request_changes_button(wired: Wiring, actor: Actor, decision: Decision) -> None:
    version = decision.dossier.version
    if not action("Changes…", key="request_changes", refusal=needs(actor, Right.APPROVE)):
        return

    def body() -> None:
        confirm_body(
            ((f"v{version.version}", decision.dossier.state.value, "changes requested"),),
            Html("<p>The author should do something first. It is not promoted before somebody decides anew.</p>"),
            form=f"changes_{version.version}",
            label=f"Request changes of v{version.version}",
            reason="",
            done=f"Changes of v{version.version} are requested.",
            wish=lambda key, reason: wired.backend.models.request_changes(actor, version, reason, key),
        )

    open_dialog(f"Request changes of v{version.version}", body)


def reject_button(wired: Wiring, actor: Actor, decision: Decision) -> None:
    """Of a version that serves it asks what should happen to production; nothing is chosen beforehand."""
    version = decision.dossier.version
    if not action("Reject…", key="reject", refusal=needs(actor, Right.APPROVE)):
        return
    serving = decision.dossier.state is VersionState.SERVING
    chosen = f"reject_serving_{version.version}"

    def body() -> None:
        if serving:
            st.radio(
                "It serves production. What should happen?",
                list(OUTCOMES),
                index=None,
                key=chosen,
                format_func=lambda when: OUTCOMES[when],
            )
        says = "Production does what you choose here." if serving else "Production stays as it is."
        confirm_body(
            ((f"v{version.version}", decision.dossier.state.value, "rejected"),),
            fill("<p>{says} The version cannot be promoted until a lead approves it anew.</p>", says=says),
            form=f"reject_{version.version}",
            label=f"Reject v{version.version}",
            danger=True,
            reason="",
            done=f"v{version.version} is rejected.",
            wish=lambda key, reason: wired.backend.models.reject(
                actor, version, reason, key, st.session_state.get(chosen)
            ),
        )

    open_dialog(f"Reject v{version.version}", body)


def hold_button(wired: Wiring, actor: Actor) -> None:
    """A person's own hold; lifting it stands with the notice that tells of it."""
    refusal = needs(actor, Right.CONTROL) or ("On hold already." if wired.backend.steering.hold() else "")
    if not action("Hold…", key="hold", refusal=refusal):
        return

    def body() -> None:
        confirm_body(
            (("Promotions", "allowed", "held"),),
            Html("<p>No promotion begins until a lead lifts the hold. What is under way goes on.</p>"),
            form="hold",
            label="Hold promotions",
            reason="",
            done="Promotions are held.",
            wish=lambda _, reason: wired.backend.steering.set_hold(actor, reason),
        )

    open_dialog("Hold promotions", body)
