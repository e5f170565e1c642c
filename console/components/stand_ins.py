"""Who has to approve, and who stands in for whom: said, begun and ended by the people themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from backend.domain.approvals import ApprovalRules, Delegation
from backend.domain.clock import utc_now
from backend.domain.people import Actor
from console.components.dialogs import Question, ask
from console.components.markup import Html, card_head, draw, fill
from console.components.states import empty
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

ACCOUNT, LAST_DAY = "stand_in_account", "stand_in_last_day"


def stand_ins(wired: Wiring, actor: Actor) -> None:
    """The rules, whoever stands in now, and the two buttons."""
    approvers = wired.backend.approvers
    draw(card_head("Who approves"))
    draw(_rules(approvers.rules()))
    holding = [found for found, holds in approvers.delegations() if holds]
    for found in holding:
        draw(_told(found))
        label = f"Withdraw {Untrusted(found.delegate, 30).one_line()}…"
        refusal = approvers.cannot_revoke(actor, found)
        ask(label, _withdrawal(wired, actor, found), key=f"withdraw_{found.id[:12]}", refusal=refusal)
    if not holding:
        draw(empty("Nobody stands in", "For an approver who is away, until a day that they name.", "person_off"))
    refusal = approvers.cannot_delegate(actor)
    ask("Let somebody stand in…", _delegation(wired, actor), key="stand_in", refusal=refusal, symbol="person_add")


def stand_in_marks(wired: Wiring) -> tuple[object, ...]:
    """What makes a page draw this card again."""
    return tuple((found.id, holds) for found, holds in wired.backend.approvers.delegations())


def _rules(rules: ApprovalRules) -> Html:
    needed = "One approval" if rules.quorum == 1 else f"{rules.quorum} approvals"
    named = f", {' and '.join(rules.required)} among them" if rules.required else ""
    return fill(
        '<p>{needed}{named}; each ends after {days} days.</p><p class="quiet">{stands}</p>',
        needed=needed,
        named=Untrusted(named, 300) if named else "",
        days=f"{rules.expiry_days:g}",
        stands="Who stands in counts where a rule asks for a person by name."
        if rules.required
        else "No rule asks for anybody by name, so a stand-in counts for nothing yet.",
    )


def _told(found: Delegation) -> Html:
    return fill(
        '<p><b>{delegate}</b> for <b>{person}</b> until {until} UTC<span class="two">{why}</span></p>',
        delegate=Untrusted(found.delegate, 60),
        person=Untrusted(found.person, 60),
        until=f"{found.until:%d %b %H:%M}",
        why=Untrusted(found.reason, 200),
    )


def end_of_day(day: date) -> datetime:
    """A last day is meant to its end, in UTC like every moment of the console."""
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def _delegation(wired: Wiring, actor: Actor) -> Question:
    def fields() -> None:
        today = utc_now().date()
        st.text_input("Account that stands in for you", key=ACCOUNT, max_chars=255)
        st.date_input("Last day, UTC", today + timedelta(days=7), min_value=today, key=LAST_DAY, format="YYYY-MM-DD")

    def wish(key: str, reason: str) -> object:
        until = end_of_day(st.session_state[LAST_DAY])
        return wired.backend.approvers.delegate(actor, str(st.session_state.get(ACCOUNT, "")), until, reason, key)

    return Question(
        title="Let somebody stand in for you",
        changes=((f"An approval by {actor.name}", "given in person", "or by who stands in, in their own name"),),
        effect=Html("<p>Who stands in needs the right to approve, and is bound by what they made themselves.</p>"),
        form=f"stand_in_{actor.name}",
        label="Let them stand in",
        done="It is recorded.",
        wish=wish,
        fields=fields,
    )


def _withdrawal(wired: Wiring, actor: Actor, found: Delegation) -> Question:
    return Question(
        title="Withdraw a stand-in",
        changes=((f"{found.delegate} for {found.person}", f"until {found.until:%d %b %H:%M} UTC", "ended now"),),
        effect=Html("<p>What was approved meanwhile stands.</p>"),
        form=f"withdraw_{found.id[:12]}",
        label="Withdraw",
        done="It has ended.",
        wish=lambda _, reason: wired.backend.approvers.revoke(actor, found.id, reason),
    )
