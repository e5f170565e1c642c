"""What is done in earnest, apart from the decision: break-glass by two people, and quarantine."""

from __future__ import annotations

import streamlit as st

from backend.domain.approvals import Override
from backend.domain.decisions import Decision
from backend.domain.people import Actor, Right
from backend.domain.registry import VersionState
from console.components.dialogs import Question, ask
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
        asked, lead = waiting or running, needs(actor, Right.APPROVE)
        if waiting is not None:
            refusal = wired.backend.overrides.cannot_confirm(actor, decision.dossier, waiting)
            question = _confirmation(wired, actor, decision, waiting)
            ask("Confirm break-glass…", question, key="confirm_glass", refusal=refusal, symbol="emergency_home")
        elif running is None and decision.overridable and not decision.serves:
            question = _glass(wired, actor, decision)
            ask("Break glass…", question, key="break_glass", refusal=lead, symbol="emergency_home")
        if asked is not None:
            ask("Close break-glass…", _end(wired, actor, asked), key="end_glass", refusal=lead)
        if decision.dossier.quarantine is not None:
            question = _release(wired, actor, decision)
            ask("Release from quarantine…", question, key="release_quarantine", refusal=lead, symbol="lock_open")
        else:
            question, refusal = _quarantine(wired, actor, decision), needs(actor, Right.CONTROL)
            ask("Quarantine…", question, key="quarantine", refusal=refusal, symbol="coronavirus")


def _glass(wired: Wiring, actor: Actor, decision: Decision) -> Question:
    version, longest = decision.dossier.version, wired.backend.approvers.rules().break_glass_hours
    gates, hours = f"glass_gates_{version.version}", f"glass_hours_{version.version}"

    def fields() -> None:
        st.multiselect("Hard gates to go past", list(decision.overridable), key=gates)
        st.number_input("Hours, from now", 0.25, longest, min(1.0, longest), 0.25, key=hours)

    def wish(key: str, reason: str) -> object:
        chosen = tuple(st.session_state.get(gates) or ())
        return wired.backend.overrides.ask(actor, version, chosen, reason, float(st.session_state[hours]), key)

    return Question(
        title=f"Break glass for v{version.version}",
        changes=((f"v{version.version}", "blocked", "may go past these gates, once another lead agrees"),),
        effect=Html("<p>A second lead, not an author, has to confirm. Both names stay red in the ledger for ever.</p>"),
        form=f"break_glass_{version.version}",
        label="Ask to break the glass",
        danger=True,
        done="Asked. Another lead has to confirm it.",
        wish=wish,
        fields=fields,
    )


def _confirmation(wired: Wiring, actor: Actor, decision: Decision, asked: Override) -> Question:
    version, gates = decision.dossier.version, ", ".join(asked.gates)
    return Question(
        title="Confirm break-glass",
        changes=((f"v{version.version}", "blocked", f"may go past {gates}"),),
        effect=fill(
            "<p>{by} asked: {why} It ends at {end} UTC.</p>",
            by=asked.asked_by,
            why=Untrusted(asked.reason, 400),
            end=f"{asked.ends_at:%d %b %H:%M}",
        ),
        form=f"confirm_glass_{asked.id[:12]}",
        label="Confirm as the second person",
        danger=True,
        done=f"v{version.version} may go past {gates} until {asked.ends_at:%H:%M} UTC.",
        wish=lambda _, reason: wired.backend.overrides.confirm(actor, version, asked.id, reason),
    )


def _end(wired: Wiring, actor: Actor, asked: Override) -> Question:
    return Question(
        title="Close break-glass",
        changes=(("Break-glass", "open" if asked.confirmed_at else "asked", "closed"),),
        effect=Html("<p>The gates block again at once. A promotion that is under way goes on.</p>"),
        form=f"end_glass_{asked.id[:12]}",
        label="Close break-glass",
        done="Break-glass is closed.",
        wish=lambda _, reason: wired.backend.overrides.end(actor, asked.id, reason),
    )


def _quarantine(wired: Wiring, actor: Actor, decision: Decision) -> Question:
    version, state = decision.dossier.version, decision.dossier.state
    serving = "It serves and goes on doing so until somebody rolls back: the button is on this page."
    return Question(
        title=f"Quarantine v{version.version}",
        changes=((f"v{version.version}", state.value, "in quarantine"),),
        effect=fill(
            "<p>It can be neither approved, tested, created, promoted nor returned to, by any path. A promotion of"
            " it that is under way is aborted. {stays}</p>",
            stays=serving if state is VersionState.SERVING else "",
        ),
        form=f"quarantine_{version.version}",
        label=f"Quarantine v{version.version}",
        danger=True,
        done=f"v{version.version} is in quarantine.",
        wish=lambda _, reason: wired.backend.quarantines.quarantine(actor, version, reason),
    )


def _release(wired: Wiring, actor: Actor, decision: Decision) -> Question:
    version = decision.dossier.version
    return Question(
        title=f"Release v{version.version}",
        changes=((f"v{version.version}", "in quarantine", "to be decided about"),),
        effect=Html("<p>Nothing is promoted by this; the next decision may be.</p>"),
        form=f"release_{version.version}",
        label=f"Release v{version.version}",
        done=f"v{version.version} is released.",
        wish=lambda _, reason: wired.backend.quarantines.release(actor, version, reason),
    )
