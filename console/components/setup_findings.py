"""Findings about the setup where people take and fix them."""

from __future__ import annotations

import streamlit as st

from backend.domain.people import Actor
from backend.domain.setup import SetupFinding, SetupPlan
from console.components.cards import word
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.markup import Html, card_head, draw, fill
from console.components.states import empty
from console.viewmodels.figures import stamp
from console.viewmodels.setup import FOUND, fix_line, fix_refusal
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

WOULD_BE = (
    "The worker compares everything with its declaration. What is no longer as declared, and what it may not see, "
    "is told here until it is in order."
)


def setup_findings(wired: Wiring, actor: Actor, plan: SetupPlan | None) -> None:
    findings = wired.backend.setup.findings()
    with st.container(border=True, key="card_findings"):
        draw(card_head("Findings", f"{len(findings)} open" if findings else "none"))
        if not findings:
            draw(empty("Nothing has drifted", WOULD_BE, "verified_user"))
        for finding in findings:
            _finding(wired, actor, finding, plan)


def _finding(wired: Wiring, actor: Actor, finding: SetupFinding, plan: SetupPlan | None) -> None:
    told, take, fix = st.columns([0.64, 0.18, 0.18], vertical_alignment="center")
    with told:
        draw(_told(finding))
    refusal = wired.backend.setup.refusal(actor)
    with take:
        mine = "You have taken it." if finding.owner == actor.name else ""
        if action("Take…", key=f"take_{finding.id}", refusal=refusal or mine, symbol="person_add"):
            open_dialog("Take it", lambda: _take(wired, actor, finding))
    with fix:
        refused = fix_refusal(finding, plan.named(finding.resource) if plan else None, refusal)
        if action("Fix…", key=f"fix_{finding.id}", refusal=refused, symbol="build"):
            open_dialog("Make it as declared", lambda: _fix(wired, actor, finding))


def _told(finding: SetupFinding) -> Html:
    line = fix_line(finding)
    return fill(
        '{state} <b>{what}</b><p class="quiet">{lines}</p><p class="quiet">Seen first {first}; {owner}.{fix}</p>',
        state=word(FOUND[finding.state]),
        what=Untrusted(f"{finding.kind} {finding.name}, {finding.place}", 200),
        lines=Untrusted("; ".join(finding.lines), 500),
        first=stamp(finding.first_seen),
        owner=Untrusted(f"{finding.owner} looks after it" if finding.owner else "nobody has taken it", 80),
        fix=fill(" {line}", line=Untrusted(line, 500)) if line else Html(""),
    )


def _take(wired: Wiring, actor: Actor, finding: SetupFinding) -> None:
    confirm_body(
        (("Owner", finding.owner or "nobody", actor.name),),
        Html("<p>You look after it until it is as declared again.</p>"),
        form=f"take_{finding.id}",
        label="Take it",
        reason="",
        done="You look after it now.",
        wish=lambda _, reason: wired.backend.setup.take(actor, finding.id, reason),
    )


def _fix(wired: Wiring, actor: Actor, finding: SetupFinding) -> None:
    changes = [_change(line) for line in finding.lines]
    confirm_body(
        changes,
        Html(
            "<p>The worker makes it as declared, with its own rights. Where it has none, it says what a person has to "
            "do. Nothing is deleted.</p>"
        ),
        form=f"fix_{finding.id}",
        label="Make it as declared",
        reason="",
        done="The worker has been asked.",
        wish=lambda _, reason: wired.backend.setup.fix(actor, finding.id, reason),
    )


def _change(line: str) -> tuple[str, str, str]:
    """`field: now -> declared`, as the dialog's table wants it."""
    name, _, values = line.partition(": ")
    now, arrow, declared = values.partition(" -> ")
    return (name, now, declared) if arrow else ("State", line, "as declared")
