"""One pull request: what changes, what was checked, how the model compares, and the verdict."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.people import Actor, Right
from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.domain.reviews import PullRequestDetail
from backend.domain.value import Reading
from console import navigation, topics
from console.components.cards import card, word
from console.components.dialogs import action
from console.components.diff import diff, prose
from console.components.github_link import connect_github, consent_outcome
from console.components.header import page_header
from console.components.live import FAST, follow
from console.components.markup import Content, Html, card_head, draw, fill, icon, join
from console.components.pull_cards import checks_card, comparison_card
from console.components.rail import stage_rail
from console.components.states import empty, freshness, notice, waiting
from console.session import attempt, tell
from console.surroundings import surroundings
from console.viewmodels.figures import ago, short_commit
from console.viewmodels.pulls import closed, merge_refusal, mergeable, page_pill, reviewed
from console.viewmodels.stages import Stage, stages
from console.viewmodels.state import INTENTS
from console.viewmodels.text import Untrusted
from console.wiring import Wiring


def show_pull_request(wired: Wiring, actor: Actor, number: int) -> None:
    reading = wired.snapshots.watch(topics.pull(number))
    if reading.value is None and reading.at is not None:
        _follow(wired, number)
        show_unknown(f"#{number}")
        return
    if reading.value is None:
        page_header(f"Pull request #{number}", parent=navigation.PULL_REQUESTS, here=f"#{number}")
        _follow(wired, number)
        draw(freshness(reading, utc_now()))
        draw(waiting(reading, "the pull request"))
        return
    detail = reading.value
    pull = detail.summary
    page_header(
        Untrusted(pull.title, 200),
        state=page_pill(detail),
        meta=fill(
            "<b>{author}</b> {wanted} <code>{head}</code> at <code>{sha}</code>{done} <code>{base}</code>; {state}.",
            author=Untrusted(pull.author, 60),
            head=Untrusted(pull.head_ref, 80),
            sha=short_commit(pull.head_sha),
            base=Untrusted(pull.base_ref, 80),
            wanted="proposed" if closed(detail) else "wants to merge",
            done=", merged into" if detail.merged_sha else " into",
            state=Untrusted(reviewed(pull) if closed(detail) else f"{mergeable(pull)}; {reviewed(pull)}", 240),
        ),
        parent=navigation.PULL_REQUESTS,
        here=f"#{number}",
    )
    _follow(wired, number)
    _look_again(wired, number, reading)
    tell()
    stage_rail(stages(surroundings(wired)), Stage.INTEGRATION)
    draw(freshness(reading, utc_now()))
    change, verdict = st.columns([0.71, 0.29], gap="small")
    with change:
        _change(detail)
    with verdict:
        with st.container(border=True, key="card_review"):
            _verdict(wired, actor, detail)
        _wishes(wired.backend.reviews.intents(number))


def show_unknown(wanted: Content) -> None:
    """For a number in the address that no pull request has."""
    page_header("Pull request", parent=navigation.PULL_REQUESTS, here=wanted)
    would_be = "GitHub knows no pull request of this number. The list shows the open ones."
    draw(empty("No such pull request", would_be, "help"))


def _follow(wired: Wiring, number: int) -> None:
    def marks() -> tuple[object, ...]:
        return tuple((i.id, i.state, i.outcome) for i in wired.backend.reviews.intents(number))

    follow(f"pull request {number}", (topics.pull(number).key,), marks, every=FAST)


def _look_again(wired: Wiring, number: int, reading: Reading[PullRequestDetail | None]) -> None:
    """Once the worker has carried out a verdict, what is shown of GitHub is old."""
    latest = next(iter(wired.backend.reviews.intents(number)), None)
    if latest and latest.finished_at and reading.at and latest.finished_at > reading.at:
        wired.snapshots.refresh(topics.pull(number).key, topics.pulls().key)


RULES_TITLE = "This change also changes the rules that judge models"
RULES_TEXT = (
    "training/gates.toml is among its files: read what becomes weaker, and why. The check “model comparison” names each"
    " rule; versions that wait for a decision are judged anew once it is merged."
)


def _change(detail: PullRequestDetail) -> None:
    if detail.changes_rules:
        draw(notice(RULES_TITLE, RULES_TEXT, "bad", "gavel"))
    draw(comparison_card(detail, utc_now()))
    draw(checks_card(detail.summary))
    body = Untrusted(detail.body)
    would_be = "What the author wrote about the change."
    draw(card("Description", prose(body) if body else empty("No description", would_be, "notes")))
    pull = detail.summary
    note = fill('<span class="good">+{a}</span> <span class="bad">−{d}</span>', a=pull.additions, d=pull.deletions)
    files = (
        diff(detail.files) if detail.files else empty("No changed file", "The diff of each changed file.", "difference")
    )
    draw(card(f"Files changed, {len(detail.files)}", files, note=note, name="files"))


def _verdict(wired: Wiring, actor: Actor, detail: PullRequestDetail) -> None:
    pull = detail.summary
    draw(card_head("Your verdict", f"as {actor.name}"))
    _blockers(detail)
    consent_outcome()
    if actor.may(Right.REVIEW) and wired.backend.people.github_login(actor.name) is None:
        connect_github(wired, actor, f"/pull-requests?number={pull.number}")
    if not closed(detail):
        st.text_area(
            "Reason, required", key=f"verdict_{pull.number}", height=76, placeholder="Goes to GitHub and to the ledger"
        )
    _button(wired, actor, detail, IntentKind.APPROVE_AND_MERGE, "Approve and merge", primary=True, symbol="merge")
    _button(wired, actor, detail, IntentKind.APPROVE, "Approve", symbol="check")
    _button(wired, actor, detail, IntentKind.REQUEST_CHANGES, "Request changes", symbol="edit_note")
    if closed(detail):
        return
    draw(
        fill(
            '<p class="quiet">Bound to commit <code>{sha}</code>: refused if the branch has moved. The worker does it'
            " on GitHub under your name, within seconds.</p>",
            sha=short_commit(pull.head_sha),
        )
    )


def _button(
    wired: Wiring,
    actor: Actor,
    detail: PullRequestDetail,
    kind: IntentKind,
    label: str,
    *,
    primary: bool = False,
    symbol: str = "",
) -> None:
    pull = detail.summary
    reviews = wired.backend.reviews

    def record() -> None:
        reason = str(st.session_state.get(f"verdict_{pull.number}", ""))
        attempt(
            f"{kind}/{pull.number}/{pull.head_sha}",
            lambda key: reviews.record(actor, kind, pull.number, pull.head_sha, pull.author, reason, key),
            f"{label} is recorded; the worker does it on GitHub now.",
        )

    refusal = "This pull request is closed." if closed(detail) else ""
    refusal = refusal or reviews.refusal(actor, kind, pull) or _underway(reviews.intents(pull.number))
    if kind is IntentKind.APPROVE_AND_MERGE:
        refusal = refusal or merge_refusal(pull)
    key = kind.value.replace(" ", "_")
    action(label, key=key, refusal=Untrusted(refusal, 300).one_line(), on_click=record, primary=primary, symbol=symbol)


def _underway(intents: tuple[Intent, ...]) -> str:
    pending = next((i for i in intents if i.state in {IntentState.PENDING, IntentState.RUNNING}), None)
    return f"The worker is doing “{pending.kind.value}” for {pending.actor} now." if pending else ""


def _blockers(detail: PullRequestDetail) -> None:
    if detail.merged_sha:
        draw(
            fill(
                "<p>{icon} <b>Merged</b> as <code>{sha}</code>.</p>",
                icon=icon("merge", "good"),
                sha=short_commit(detail.merged_sha),
            )
        )
        return
    if not detail.blockers:
        draw(fill("<p>{icon} <b>Nothing blocks</b> the merge.</p>", icon=icon("check_circle", "good")))
        return
    items = join(
        fill(
            '<li class="warn">{icon}<div><b>{what}</b><p>{why}</p>'
            '<span class="two">Can clear it: {who}</span></div></li>',
            icon=icon("block", "warn"),
            what=Untrusted(b.what, 120),
            why=Untrusted(b.why, 300),
            who=Untrusted(b.who, 120),
        )
        for b in detail.blockers
    )
    draw(fill('<ul class="blockers" aria-label="What blocks the merge">{items}</ul>', items=items))


def _wishes(intents: tuple[Intent, ...]) -> None:
    if not intents:
        return
    now = utc_now()
    rows = join(
        fill(
            '<li><time>{when}</time><div><b>{what}</b> {state}<span class="two">{why}</span>{outcome}</div>'
            "<i>{who}</i></li>",
            when=ago(i.created_at, now),
            what=i.kind.value.capitalize(),
            state=word(INTENTS[i.state]),
            why=Untrusted(i.reason, 240),
            outcome=fill('<span class="two">{o}</span>', o=Untrusted(i.outcome, 400)) if i.outcome else Html(""),
            who=Untrusted(i.actor, 60),
        )
        for i in intents[:8]
    )
    draw(card("Recorded verdicts", fill('<ul class="acts">{rows}</ul>', rows=rows), note="who and why", name="wishes"))
