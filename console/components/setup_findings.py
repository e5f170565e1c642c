"""Findings about the setup where people take and fix them."""

from __future__ import annotations

import streamlit as st

from backend.domain.people import Actor
from backend.domain.setup import SetupFinding, SetupPlan
from console.components.cards import word
from console.components.dialogs import Question, ask
from console.components.markup import Html, card_head, draw, fill
from console.components.owned import owned_row, take_button
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
    setup = wired.backend.setup
    refusal = setup.refusal(actor)
    refused = fix_refusal(finding, plan.named(finding.resource) if plan else None, refusal)
    effect = Html("<p>You look after it until it is as declared again.</p>")
    owned_row(
        _told(finding),
        lambda: take_button(actor, finding.id, finding.owner, effect, setup.take, refusal, "You look after it now."),
        lambda: ask("Fix…", _fix(wired, actor, finding), key=f"fix_{finding.id}", refusal=refused, symbol="build"),
    )


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


def _fix(wired: Wiring, actor: Actor, finding: SetupFinding) -> Question:
    return Question(
        title="Make it as declared",
        changes=[_change(line) for line in finding.lines],
        effect=Html(
            "<p>The worker makes it as declared, with its own rights. Where it has none, it says what a person has to "
            "do. Nothing is deleted.</p>"
        ),
        form=f"fix_{finding.id}",
        label="Make it as declared",
        done="The worker has been asked.",
        wish=lambda _, reason: wired.backend.setup.fix(actor, finding.id, reason),
    )


def _change(line: str) -> tuple[str, str, str]:
    """`field: now -> declared`, as the dialog's table wants it."""
    name, _, values = line.partition(": ")
    now, arrow, declared = values.partition(" -> ")
    return (name, now, declared) if arrow else ("State", line, "as declared")
