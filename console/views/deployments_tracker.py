"""The tracker: where traffic goes now, what was measured against which limit, and the way out."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from backend.domain.audit import AuditKind
from backend.domain.clock import utc_now
from backend.domain.endpoints import Endpoint
from backend.domain.pace import calls_per_hour
from backend.domain.people import Actor, Right, who_may
from backend.domain.promotions import Kind, Phase, Promotion
from backend.domain.value import Reading
from console import navigation, topics
from console.components.charts import chart
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.header import page_header
from console.components.live import CALM, FAST, follow
from console.components.markup import Html, card_head, draw, fill
from console.components.rail import stage_rail
from console.components.rollback import roll_back_button
from console.components.states import empty, freshness, notice
from console.components.steps import activity, timeline
from console.components.tracker_cards import analysis_card, sides_cards, traffic_card
from console.session import tell
from console.surroundings import surroundings
from console.viewmodels.activity import acts
from console.viewmodels.figures import clock, stamp
from console.viewmodels.idleness import IDLE_SECONDS, SHIFT_SECONDS
from console.viewmodels.plan import position, progressed
from console.viewmodels.stages import Stage, stages
from console.viewmodels.state import PHASES, promotion_pill
from console.viewmodels.text import Untrusted
from console.viewmodels.tracker import can_hurry, controls, latency_chart, latency_limit, stable_of, title
from console.viewmodels.traffic import next_shift
from console.wiring import Wiring

WINDOW = 900


def show_tracker(wired: Wiring, actor: Actor, promotion: Promotion) -> None:
    now = utc_now()
    world = surroundings(wired)
    endpoint = wired.snapshots.watch(topics.endpoint(promotion.target.endpoint))
    page_header(
        title(promotion),
        state=promotion_pill(promotion),
        meta=fill(
            "Requested by <b>{who}</b> at {when}: {why}",
            who=Untrusted(promotion.requested_by),
            when=clock(promotion.created_at, now),
            why=Untrusted(promotion.requested_reason, 240),
        ),
        parent=navigation.DEPLOYMENTS,
        here=promotion.target.endpoint,
    )
    _follow(wired, promotion)
    tell()
    stage = Stage.DEPLOYMENT if promotion.kind is Kind.STAGE else Stage.DELIVERY
    stage_rail(stages(world), stage)
    _standing(wired, promotion)
    draw(freshness(endpoint, now))
    measured, control = st.columns([0.71, 0.29], gap="small")
    with measured:
        _measured(wired, promotion, endpoint)
    with control:
        with st.container(border=True, key="card_control"):
            _controls(wired, actor, promotion, endpoint)
        _steps(wired, promotion)


def _follow(wired: Wiring, promotion: Promotion) -> None:
    name = promotion.target.endpoint
    keys = (topics.endpoint(name).key, topics.traffic(name, WINDOW).key)

    def marks() -> tuple[object, ...]:
        latest = wired.backend.promotions.get(promotion.id)
        return latest.phase, latest.position, latest.request, latest.updated_at

    ended = promotion.phase.final
    every, patience = (CALM, IDLE_SECONDS) if ended else (FAST, SHIFT_SECONDS)
    follow(f"promotion {promotion.id}", keys, marks, every=every, patience=patience)


def _standing(wired: Wiring, promotion: Promotion) -> None:
    """The latest sentence where it is not good news, and whether anybody is there to carry on."""
    if promotion.phase in {Phase.FAILED, Phase.ERRORED, Phase.ROLLED_BACK, Phase.NEEDS_ATTENTION, Phase.ROLLING_BACK}:
        tone = "warn" if promotion.phase in {Phase.ROLLED_BACK, Phase.ROLLING_BACK} else "bad"
        pill = PHASES[promotion.phase]
        draw(notice(pill.text, Untrusted(promotion.reason, 600), tone, pill.symbol))
    if promotion.phase.final:
        return
    seen = wired.backend.promotions.worker_seen()
    if seen is None or utc_now() - seen > timedelta(seconds=30):
        last = stamp(seen) if seen else "never"
        draw(
            notice("No worker is running", f"Nothing moves until one starts; last seen {last}.", "warn", "engineering")
        )


def _measured(wired: Wiring, promotion: Promotion, endpoint: Reading[Endpoint | None]) -> None:
    now = utc_now()
    traffic = wired.snapshots.watch(topics.traffic(promotion.target.endpoint, WINDOW))
    capacity = wired.snapshots.watch(topics.capacity(promotion.target.endpoint, WINDOW))
    draw(traffic_card(promotion, endpoint, traffic, now))
    draw(sides_cards(promotion, endpoint, traffic, capacity))
    with st.container(border=True, key="card_latency"):
        draw(card_head("p95 latency, ms", f"last 15 min, 10 s windows{latency_limit(promotion)}"))
        if traffic.value is None or not traffic.value.points:
            would_be = "The latency of stable and candidate, as soon as calls reach the log."
            draw(empty("No calls in this window", would_be, "show_chart"))
        else:
            marks = wired.backend.telemetry.marks(traffic.value.start, traffic.value.end)
            chart(latency_chart(promotion, traffic.value, marks))
    draw(analysis_card(promotion))


def _steps(wired: Wiring, promotion: Promotion) -> None:
    now = utc_now()
    traffic = wired.snapshots.watch(topics.traffic(promotion.target.endpoint, WINDOW))
    rate = calls_per_hour(traffic.value) if traffic.value is not None else None
    head = "<header><h2>{title}</h2><span>{note}</span></header>{body}"
    steps = fill(head, title="Steps", note=position(promotion), body=timeline(progressed(promotion, now, rate)))
    draw(fill('<section class="card steps-card">{body}</section>', body=steps))
    told = (AuditKind.PROMOTIONS, AuditKind.STEPS)
    entries = wired.backend.ledger.entries(limit=12, subject=f"promotion/{promotion.id}", kinds=told)
    done = acts(entries, now)
    body = activity(done) if done else empty("Nothing recorded yet", "Each change of this promotion, with its reason.")
    draw(
        fill('<section class="card">{body}</section>', body=fill(head, title="Activity", note="who and why", body=body))
    )


def _controls(wired: Wiring, actor: Actor, promotion: Promotion, endpoint: Reading[Endpoint | None]) -> None:
    draw(card_head("Control", f"as {actor.name}"))
    may = "" if actor.may(Right.CONTROL) else f"Needs the role {who_may(Right.CONTROL)}."
    if promotion.phase.final:
        if promotion.kind is not Kind.STAGE:
            roll_back_button(wired, actor, endpoint.value)
        else:
            draw(Html("<p>This test has ended. Production was never touched by it.</p>"))
        return
    pausable, resumable, abortable = controls(promotion)
    if resumable:
        _resume(wired, actor, promotion, may)
    else:
        _pause(wired, actor, promotion, may or ("" if pausable else "Nothing to pause now."))
    if promotion.kind is Kind.PROMOTE:
        _promote_now(wired, actor, promotion)
    _abort(wired, actor, promotion, may or ("" if abortable else "The way back was asked for already."))


def _pause(wired: Wiring, actor: Actor, promotion: Promotion, refusal: str) -> None:
    clicked = action("Pause…", key="pause", refusal=refusal, symbol="pause")
    draw(Html("<p class=quiet>Traffic stays as it is until you resume.</p>"))

    def body() -> None:
        confirm_body(
            (("Next step", "when its limits are met", "waits for you"),),
            Html("<p>Traffic stays as it is. What is measured is still held against the limits.</p>"),
            form=f"pause_{promotion.id[:12]}",
            label="Pause",
            reason="",
            done="Pause is recorded.",
            wish=lambda _, reason: wired.backend.steering.pause(actor, promotion.id, reason),
        )

    if clicked:
        open_dialog("Pause this promotion", body)


def _resume(wired: Wiring, actor: Actor, promotion: Promotion, refusal: str) -> None:
    clicked = action("Resume…", key="resume", refusal=refusal, symbol="play_arrow")
    draw(Html("<p class=quiet>Goes on with the plan where it stopped.</p>"))

    def body() -> None:
        confirm_body(
            (("Next step", "waits for you", "when its limits are met"),),
            Html("<p>The worker goes on with the plan where it stopped.</p>"),
            form=f"resume_{promotion.id[:12]}",
            label="Resume",
            reason="",
            done="Resume is recorded.",
            wish=lambda _, reason: wired.backend.steering.resume(actor, promotion.id, reason),
        )

    if clicked:
        open_dialog("Resume this promotion", body)


def _promote_now(wired: Wiring, actor: Actor, promotion: Promotion) -> None:
    may = "" if actor.may(Right.PROMOTE_NOW) else f"Needs the role {who_may(Right.PROMOTE_NOW)}."
    refusal = may or ("" if can_hurry(promotion) else "Nothing is being observed now.")
    clicked = action("Promote now…", key="promote_now", refusal=refusal, symbol="fast_forward")
    draw(Html("<p class=quiet>Skips the rest of this observation; what it has not shown stays unknown.</p>"))
    if not clicked:
        return
    ahead = next_shift(promotion)
    after = f"{ahead.weight} % to {promotion.target.deployment}" if ahead else "the promotion succeeds"

    def body() -> None:
        confirm_body(
            (("Next step", "when its limits are met", after),),
            Html("<p>Calls and time that are missing are not waited for. The ledger says that you went on early.</p>"),
            form=f"promote_now_{promotion.id[:12]}",
            label="Promote now",
            reason="",
            done="It goes on; the page follows it.",
            wish=lambda _, reason: wired.backend.steering.promote_now(actor, promotion.id, reason),
        )

    open_dialog("Go on before the observation has ended", body)


def _abort(wired: Wiring, actor: Actor, promotion: Promotion, refusal: str) -> None:
    stable = stable_of(promotion)
    back = f"Returns 100 % to {stable} and removes the candidate." if stable else "Removes the candidate."
    with st.container(key="danger_abort"):
        clicked = action("Abort…", key="abort", refusal=refusal, symbol="undo")
    draw(fill("<p class=quiet>{back}</p>", back=back))
    if not clicked:
        return

    def body() -> None:
        confirm_body(
            (("Traffic", "as split now", f"100 % {stable}" if stable else "none"),),
            fill("<p>{back} The worker does it between two steps.</p>", back=back),
            form=f"abort_{promotion.id[:12]}",
            label="Abort",
            danger=True,
            reason=f"v{promotion.target.version} is not good enough.",
            done="The abort is recorded; the page follows it.",
            wish=lambda _, reason: wired.backend.steering.abort(actor, promotion.id, reason),
        )

    open_dialog("Abort this promotion", body)
