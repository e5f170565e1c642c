"""Alerts where operators look after them."""

from __future__ import annotations

import streamlit as st

from backend.domain.alerts import Alert, AlertState, Silence
from backend.domain.clock import utc_now
from backend.domain.people import Actor
from console import navigation
from console.components.cards import word
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.markup import Content, Html, card_head, draw, fill
from console.components.states import empty
from console.components.tables import Column, table, two_lines
from console.session import attempt
from console.viewmodels.alerts import Group, about, address_of, alert_pill, groups, lasted
from console.viewmodels.figures import plural, stamp
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

TOLD = 20
WOULD_BE = "What a rule finds stands here, with its figures and its chart, until somebody has said what it was."
HOURS = {"1 h": 1.0, "4 h": 4.0, "24 h": 24.0, "7 days": 168.0}


def alert_cards(wired: Wiring, actor: Actor) -> None:
    """What stands, by group, with its buttons; then what the last ones were."""
    known = wired.backend.alerts.list(actor)
    standing = [alert for alert in known if alert.state is not AlertState.CLOSED]
    closed = [alert for alert in known if alert.state is AlertState.CLOSED][:TOLD]
    with st.container(border=True, key="card_alerts"):
        draw(card_head("Alerts", plural(len(standing), "alert") if standing else "none"))
        if not standing:
            draw(empty("Nothing fires, and every alert has its outcome", WOULD_BE, "notifications_off"))
        for group in groups(standing):
            _group(wired, actor, group)
        if closed:
            with st.expander(f"Closed, the last {len(closed)}", key="closed_alerts"):
                heads = (Column("What"), Column("Lasted", number=True), Column("Closed by"), Column("Outcome"))
                draw(table(heads, [_row(alert) for alert in closed], caption="Closed alerts"))


def _group(wired: Wiring, actor: Actor, group: Group) -> None:
    if len(group.alerts) > 1:
        draw(fill('<p class="quiet">{n} that began one after another</p>', n=plural(len(group.alerts), "alert")))
    for alert in group.alerts:
        _alert(wired, actor, alert)


def _alert(wired: Wiring, actor: Actor, alert: Alert) -> None:
    refusal = wired.backend.alerts.refusal(actor)
    with st.container(key=f"alert_{alert.id}"):
        draw(_told(alert))
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            navigation.link(navigation.MONITORING, "Chart", f"chart_of_{alert.id}", "monitoring", **address_of(alert))
            if st.button("Runbook", key=f"runbook_{alert.id}", type="tertiary", icon=":material/menu_book:"):
                open_dialog(f"Runbook: {alert.title}", lambda: _runbook(wired, alert))
            _acknowledge(wired, actor, alert, refusal)
            mine = "You look after it." if alert.owner == actor.name else ""
            if action("Own…", key=f"own_{alert.id}", refusal=refusal or mine, symbol="person_add", width="content"):
                open_dialog("Look after it", lambda: _own(wired, actor, alert))
            if action(
                "Silence…", key=f"silence_{alert.id}", refusal=refusal, symbol="notifications_paused", width="content"
            ):
                open_dialog("Silence it", lambda: _silence(wired, actor, alert))
            fires = "It still fires: silence it, or close it once it is calm." if alert.firing else ""
            if action("Close…", key=f"close_{alert.id}", refusal=refusal or fires, symbol="task_alt", width="content"):
                open_dialog("Close it", lambda: _close(wired, actor, alert))


def _told(alert: Alert) -> Html:
    return fill(
        '{state} <b>{title}</b> {words}<p class="quiet">{about} <code>{id}</code></p>',
        state=word(alert_pill(alert)),
        title=Untrusted(alert.title, 120),
        words=Untrusted(alert.words, 400),
        about=about(alert, utc_now()),
        id=alert.id,
    )


def _runbook(wired: Wiring, alert: Alert) -> None:
    st.markdown(wired.backend.alerts.runbook(alert.rule))


def _acknowledge(wired: Wiring, actor: Actor, alert: Alert, refusal: str) -> None:
    """No dialog: whoever is woken says with one click that somebody is there."""

    def carry_out() -> None:
        attempt(f"ack_{alert.id}", lambda _: wired.backend.alerts.ack(actor, alert.id), "Acknowledged.")

    done = f"{alert.acknowledged_by} has acknowledged it." if alert.acknowledged_by else ""
    action(
        "Acknowledge",
        key=f"ack_{alert.id}",
        refusal=refusal or done,
        symbol="visibility",
        on_click=carry_out,
        width="content",
    )


def _own(wired: Wiring, actor: Actor, alert: Alert) -> None:
    confirm_body(
        (("Owner", alert.owner or "nobody", actor.name),),
        Html("<p>You look after it until it is closed. It is told to nobody again.</p>"),
        form=f"own_{alert.id}",
        label="Look after it",
        reason="",
        done="You look after it now.",
        wish=lambda _, reason: wired.backend.alerts.own(actor, alert.id, reason),
    )


def _close(wired: Wiring, actor: Actor, alert: Alert) -> None:
    confirm_body(
        (("State", alert.state.value, "closed"),),
        fill("<p>{what}</p><p>What was it, and what was done? The ledger keeps it.</p>", what=Untrusted(alert.words)),
        form=f"close_{alert.id}",
        label="Close it",
        reason="",
        done="It is closed.",
        wish=lambda _, outcome: wired.backend.alerts.close(actor, alert.id, outcome),
    )


def _silence(wired: Wiring, actor: Actor, alert: Alert) -> None:
    hours = st.segmented_control("For", list(HOURS), default="1 h", key=f"hours_{alert.id}") or "1 h"
    all_of_it = f"all of {alert.rule}"
    chosen = st.radio("What", ["this alert", all_of_it], key=f"covers_{alert.id}", horizontal=True)
    covers = alert.key if chosen == "this alert" else f"{alert.rule}/{alert.endpoint}"
    confirm_body(
        (("Told", "people", f"nobody, for {hours}"),),
        Html("<p>It is still recorded, and told of when the silence ends and it still fires.</p>"),
        form=f"silence_{alert.id}",
        label="Silence it",
        reason="",
        done="It is silent.",
        wish=lambda key, reason: wired.backend.alerts.silence(actor, covers, HOURS[hours], reason, key),
    )


def silences(wired: Wiring, actor: Actor) -> None:
    """What nobody is told of now; nothing where that is nothing."""
    known = wired.backend.alerts.silences()
    if not known:
        return
    refusal = wired.backend.alerts.refusal(actor)
    with st.container(border=True, key="card_silences"):
        draw(card_head("Silences", "nobody is told of these"))
        for silence in known:
            told, lift = st.columns([0.82, 0.18], vertical_alignment="center")
            with told:
                draw(_silent(silence))
            with lift:
                if action("Lift…", key=f"lift_{silence.id}", refusal=refusal, symbol="notifications_active"):
                    open_dialog("End the silence", lambda one=silence: _lift(wired, actor, one))  # type: ignore[misc]


def _silent(silence: Silence) -> Html:
    return fill(
        '<b>{covers}</b> until {until}<p class="quiet">{by}: {reason}</p>',
        covers=Untrusted(silence.covers or "everything", 200),
        until=stamp(silence.until),
        by=Untrusted(silence.by, 60),
        reason=Untrusted(silence.reason, 300),
    )


def _lift(wired: Wiring, actor: Actor, silence: Silence) -> None:
    confirm_body(
        (("Ends", stamp(silence.until), "now"),),
        Html("<p>What still fires is told at the next look.</p>"),
        form=f"lift_{silence.id}",
        label="End the silence",
        reason="",
        done="The silence has ended.",
        wish=lambda _, reason: wired.backend.alerts.lift(actor, silence.id, reason),
    )


def _row(alert: Alert) -> tuple[Content, ...]:
    return (
        two_lines(Untrusted(f"{alert.title}: {alert.words}", 300), stamp(alert.raised_at)),
        lasted(alert),
        Untrusted(alert.closed_by, 60),
        Untrusted(alert.outcome, 400),
    )
