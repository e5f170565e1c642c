"""What is done in earnest, apart from the decision: break-glass by two people, and quarantine."""

from __future__ import annotations

import streamlit as st

from backend.domain.approvals import Override
from backend.domain.decisions import Decision
from backend.domain.people import Actor, Right
from backend.domain.registry import VersionState
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.markup import Html, fill, join
from console.components.states import notice
from console.components.verdicts import needs
from console.viewmodels.text import Untrusted
from console.wiring import Wiring


def break_glass_notice(wired: Wiring, decision: Decision) -> Html:
    """Red for ever: every request about this version, what became of it, and who agreed."""
    told = wired.backend.overrides.told(decision.dossier)
    return join(
        notice("Break-glass" if open_ else "Break-glass, closed", Untrusted(said, 900), "bad", "emergency_home")
        for _, said, open_ in told
    )


def grave_path(wired: Wiring, actor: Actor, decision: Decision) -> None:
    """Below everything else, folded until there is something to answer; what does not apply is not drawn."""
    told = wired.backend.overrides.told(decision.dossier)
    waiting = next((o for o, _, open_ in told if open_ and o.confirmed_at is None), None)
    running = next((o for o, _, open_ in told if open_ and o.confirmed_at is not None), None)
    words = "In earnest: " + ("quarantine" if not decision.overridable and not told else "break-glass, quarantine")
    open_ = (waiting or running) is not None or decision.dossier.quarantine is not None
    with st.expander(words, expanded=open_, key="grave"), st.container(key="danger_grave"):
        if waiting is not None:
            _confirm(wired, actor, decision, waiting)
        elif running is None and decision.overridable and not decision.serves:
            _ask(wired, actor, decision)
        if (waiting or running) is not None:
            _end(wired, actor, waiting or running)
        _quarantine(wired, actor, decision)


def _ask(wired: Wiring, actor: Actor, decision: Decision) -> None:
    version, longest = decision.dossier.version, wired.backend.approvers.rules().break_glass_hours
    if not action("Break glass…", key="break_glass", refusal=needs(actor, Right.APPROVE), symbol="emergency_home"):
        return
    gates, hours = f"glass_gates_{version.version}", f"glass_hours_{version.version}"

    def wish(key: str, reason: str) -> object:
        chosen = tuple(st.session_state.get(gates) or ())
        return wired.backend.overrides.ask(actor, version, chosen, reason, float(st.session_state[hours]), key)

    def body() -> None:
        st.multiselect("Hard gates to go past", list(decision.overridable), key=gates)
        st.number_input("Hours, from now", 0.25, longest, min(1.0, longest), 0.25, key=hours)
        confirm_body(
            ((f"v{version.version}", "blocked", "may go past these gates, once another lead agrees"),),
            Html("<p>A second lead, not an author, has to confirm. Both names stay red in the ledger for ever.</p>"),
            form=f"break_glass_{version.version}",
            label="Ask to break the glass",
            reason="",
            done="Asked. Another lead has to confirm it.",
            wish=wish,
        )

    open_dialog(f"Break glass for v{version.version}", body)


def _confirm(wired: Wiring, actor: Actor, decision: Decision, asked: Override) -> None:
    version = decision.dossier.version
    refusal = wired.backend.overrides.cannot_confirm(actor, decision.dossier, asked)
    if not action("Confirm break-glass…", key="confirm_glass", refusal=refusal, symbol="emergency_home"):
        return

    def body() -> None:
        confirm_body(
            ((f"v{version.version}", "blocked", f"may go past {', '.join(asked.gates)}"),),
            fill(
                "<p>{by} asked: {why} It ends at {end} UTC.</p>",
                by=asked.asked_by,
                why=Untrusted(asked.reason, 400),
                end=f"{asked.ends_at:%d %b %H:%M}",
            ),
            form=f"confirm_glass_{asked.id[:12]}",
            label="Confirm as the second person",
            reason="",
            done=f"v{version.version} may go past {', '.join(asked.gates)} until {asked.ends_at:%H:%M} UTC.",
            wish=lambda _, reason: wired.backend.overrides.confirm(actor, version, asked.id, reason),
        )

    open_dialog("Confirm break-glass", body)


def _end(wired: Wiring, actor: Actor, asked: Override | None) -> None:
    if asked is None or not action("Close break-glass…", key="end_glass", refusal=needs(actor, Right.APPROVE)):
        return

    def body() -> None:
        confirm_body(
            (("Break-glass", "open" if asked.confirmed_at else "asked", "closed"),),
            Html("<p>The gates block again at once. A promotion that is under way goes on.</p>"),
            form=f"end_glass_{asked.id[:12]}",
            label="Close break-glass",
            reason="",
            done="Break-glass is closed.",
            wish=lambda _, reason: wired.backend.overrides.end(actor, asked.id, reason),
        )

    open_dialog("Close break-glass", body)


def _quarantine(wired: Wiring, actor: Actor, decision: Decision) -> None:
    version, held = decision.dossier.version, decision.dossier.quarantine
    if held is not None:
        _release(wired, actor, decision)
        return
    if not action("Quarantine…", key="quarantine", refusal=needs(actor, Right.CONTROL), symbol="coronavirus"):
        return
    serving = decision.dossier.state is VersionState.SERVING

    def body() -> None:
        stays = (
            "It serves and goes on doing so until somebody rolls back: the button is on this page." if serving else ""
        )
        confirm_body(
            ((f"v{version.version}", decision.dossier.state.value, "in quarantine"),),
            fill(
                "<p>It can be neither approved, tested, created, promoted nor returned to, by any path. A promotion of"
                " it that is under way is aborted. {stays}</p>",
                stays=stays,
            ),
            form=f"quarantine_{version.version}",
            label=f"Quarantine v{version.version}",
            reason="",
            done=f"v{version.version} is in quarantine.",
            wish=lambda _, reason: wired.backend.quarantines.quarantine(actor, version, reason),
        )

    open_dialog(f"Quarantine v{version.version}", body)


def _release(wired: Wiring, actor: Actor, decision: Decision) -> None:
    version = decision.dossier.version
    refusal = needs(actor, Right.APPROVE)
    if not action("Release from quarantine…", key="release_quarantine", refusal=refusal, symbol="lock_open"):
        return

    def body() -> None:
        confirm_body(
            ((f"v{version.version}", "in quarantine", "to be decided about"),),
            Html("<p>Nothing is promoted by this; the next decision may be.</p>"),
            form=f"release_{version.version}",
            label=f"Release v{version.version}",
            reason="",
            done=f"v{version.version} is released.",
            wish=lambda _, reason: wired.backend.quarantines.release(actor, version, reason),
        )

    open_dialog(f"Release v{version.version}", body)
