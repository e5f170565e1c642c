"""What stands between a version and production; what is advisory is accepted where it is read."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from backend.domain.decisions import Blocker, Decision
from console.components.labels import literal, spoken
from console.components.markup import Html, card_head, draw, fill, icon, join
from console.viewmodels.text import Untrusted


def blockers_card(decision: Decision, now: datetime) -> tuple[str, ...]:
    """One tick for each advisory gate that did not pass, until the version is approved; what is ticked.

    A row of a horizontal block: it fills the height of its neighbour.
    """
    with st.container(border=True, key="card_blockers", height="stretch"):
        draw(card_head("Blockers", _checked(decision, now)))
        if not decision.blockers:
            draw(fill("<p>{icon} <b>Nothing blocks.</b></p>", icon=icon("check_circle", "good")))
            return ()
        loud = [found for found in decision.blockers if found.hard or found.overridden]
        ticks = [] if decision.dossier.approved else [b for b in decision.blockers if b.gate and b not in loud]
        quiet = [found for found in decision.blockers if found not in loud and found not in ticks]
        draw(
            fill(
                '<div class="blocked">{none}<ul class="blockers">{loud}</ul><ul class="advisories">{quiet}</ul></div>',
                none=Html("") if loud else _nothing_hard(decision, bool(ticks)),
                loud=join(map(blocker, loud)),
                quiet=join(map(_advisory, quiet)),
            )
        )
        return tuple(found.gate for found in ticks if _tick(decision, found))


def _checked(decision: Decision, now: datetime) -> Html:
    """Every gate with its rule and its evidence stands on the version's page."""
    return fill(
        '<a href="models?version={number}" target="_self">{checks} checks</a> at {at} UTC',
        number=decision.dossier.version.version,
        checks=len(decision.findings),
        at=f"{now:%H:%M:%S}",
    )


def _nothing_hard(decision: Decision, to_accept: bool) -> Html:
    if decision.dossier.assent.refused is not None:
        words = "A person said no. Only an approval given anew, with its own reason, overrules it."
        return fill("<p>{icon} <b>{words}</b></p>", icon=icon("block", "bad"), words=words)
    return Html(
        "<p><b>Nothing stops it.</b> Tick what you accept for your reason:</p>"
        if to_accept
        else "<p><b>Nothing stops it.</b></p>"
    )


def _tick(decision: Decision, found: Blocker) -> bool:
    said = found.why.removeprefix(found.what).lstrip(" :") or found.why
    label = f"{spoken(found.what, 60)}: {spoken(said, 150)}"
    told = literal(f"{found.why} {found.because}".strip(), 600)
    return st.checkbox(label, key=f"accept_{decision.dossier.version.version}_{found.gate}", help=told)


def blocker(found: Blocker) -> Html:
    alarm = found.hard or found.overridden
    tone, symbol = ("bad", "block" if found.hard else "emergency_home") if alarm else ("warn", "warning")
    return fill(
        '<li class="{tone}">{icon}<div><b>{kind}{what}</b><p>{why}</p>{because}'
        '<span class="two">Can clear it: {who}</span></div></li>',
        tone=tone,
        icon=icon(symbol, tone),
        kind="" if alarm else "Advisory, ",
        what=Untrusted(found.what, 120),
        why=Untrusted(found.why, 400),
        because=_because(found),
        who=Untrusted(found.who, 120),
    )


def _advisory(found: Blocker) -> Html:
    """Two lines; why the team asks for it opens below."""
    return fill(
        "<li><details><summary>{icon}<span><b>{what}</b> {why}</span></summary><p>{why}</p>{because}</details></li>",
        icon=icon("warning", "warn"),
        what=Untrusted(found.what, 120),
        why=Untrusted(found.why, 400),
        because=_because(found),
    )


def _because(found: Blocker) -> Html:
    return (
        fill('<span class="two">{because}</span>', because=Untrusted(found.because, 300)) if found.because else Html("")
    )
