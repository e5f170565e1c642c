"""One pull request: what changes, what was checked, how the model compares, what was said, and the verdict."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.people import Actor, Right
from backend.domain.promotions import Intent, IntentKind
from backend.domain.reviews import PullRequestDetail
from backend.domain.value import Reading
from console import navigation, topics
from console.components.cards import card, word
from console.components.dialogs import action
from console.components.diff import prose
from console.components.github_link import connect_github, consent_outcome, disconnect_github
from console.components.header import page_header
from console.components.live import FAST, follow
from console.components.markup import Content, Html, card_head, draw, fill, icon, join, outside_link
from console.components.pull_talk import commits_card, talk_card
from console.components.rail import stage_rail
from console.components.states import empty, freshness, notice, waiting
from console.session import attempt, tell
from console.surroundings import surroundings
from console.viewmodels.board import Person, reviewed, waits_for
from console.viewmodels.figures import ago, short_commit
from console.viewmodels.pull_page import (
    approve_and_merge_refusal,
    away,
    merge_refusal,
    rerun_refusal,
    underway,
    unfulfilled,
    void_words,
    voided,
)
from console.viewmodels.pulls import closed, mergeable, page_pill
from console.viewmodels.stages import Stage, stages
from console.viewmodels.state import INTENTS
from console.viewmodels.text import Untrusted
from console.views.pull_request_change import checks, files, lineage, model
from console.wiring import Wiring

RERUN_REASON = "The failed checks are run again."


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
    intents = wired.backend.reviews.intents(number)
    _header(detail)
    _follow(wired, number)
    _look_again(wired, number, reading)
    tell(unfulfilled(actor, detail, intents))
    world = surroundings(wired)
    stage_rail(stages(world), Stage.INTEGRATION)
    draw(freshness(reading, utc_now()))
    _to_know(detail, intents)
    change, verdict = st.columns([0.71, 0.29], gap="small")
    with change:
        model(wired, world, detail)
        checks(detail, lambda: _rerun(wired, actor, reading, detail, intents))
        body = Untrusted(detail.body)
        would_be = "What the author wrote about the change."
        draw(card("Description", prose(body) if body else empty("No description", would_be, "notes")))
        draw(commits_card(detail, utc_now()))
        draw(talk_card(detail, utc_now()))
        files(detail)
    with verdict:
        with st.container(border=True, key="card_review"):
            _verdict(wired, actor, reading, detail, intents)
        _wishes(intents)
        with st.container(border=True, key="card_lineage"):
            lineage(wired, world, detail)


def _header(detail: PullRequestDetail) -> None:
    pull = detail.summary
    state, who = reviewed(pull)
    said = f"{state.text.lower()} {who}".strip()
    page_header(
        Untrusted(pull.title, 200),
        state=page_pill(detail) if closed(detail) else waits_for(pull)[0],
        meta=fill(
            "<b>{author}</b> {wanted} <code>{head}</code> at <code>{sha}</code>{done} <code>{base}</code>; {state}."
            " {link}",
            author=Untrusted(pull.author, 60),
            head=Untrusted(f"{pull.fork}:{pull.head_ref}" if pull.fork else pull.head_ref, 80),
            sha=short_commit(pull.head_sha),
            base=Untrusted(pull.base_ref, 80),
            wanted="proposed" if closed(detail) else "wants to merge",
            done=", merged into" if detail.merged_sha else " into",
            state=Untrusted(said if closed(detail) else f"{mergeable(pull)}; {said}", 240),
            link=outside_link("On GitHub", pull.url),
        ),
        parent=navigation.PULL_REQUESTS,
        here=f"#{pull.number}",
    )


RULES_TITLE = "This change also changes the rules that judge models"
RULES_TEXT = (
    "training/gates.toml is among its files: read what becomes weaker, and why. The check “model comparison” names each"
    " rule; versions that wait for a decision are judged anew once it is merged."
)
FORK_TEXT = (
    "Workflows of a fork get no secrets and no right to train, so its model is not compared. Read the workflows it"
    " changes before you run them; push it to a branch of this repository to have it trained."
)


def _to_know(detail: PullRequestDetail, intents: tuple[Intent, ...]) -> None:
    """What a reader must not overlook, above everything else."""
    pull = detail.summary
    if detail.changes_rules:
        draw(notice(RULES_TITLE, RULES_TEXT, "bad", "gavel"))
    if pull.fork and not closed(detail):
        draw(notice(fill("It comes from a fork of {owner}", owner=Untrusted(pull.fork, 60)), FORK_TEXT, "warn"))
    if pull.author == "ghost":
        draw(notice("Its author's account is gone", "Nobody can answer a review under this name any more.", "warn"))
    void = () if closed(detail) else voided(detail, intents)
    if void:
        lines = join(fill("<li>{words}.</li>", words=Untrusted(void_words(found), 240)) for found in void[:6])
        head = short_commit(pull.head_sha)
        text = fill(
            "<ul>{lines}</ul>Checks, comparison and verdicts below are of <code>{head}</code>.", lines=lines, head=head
        )
        draw(notice("New commits made earlier verdicts void", text, "warn", "history"))


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


def _verdict(
    wired: Wiring,
    actor: Actor,
    reading: Reading[PullRequestDetail | None],
    detail: PullRequestDetail,
    intents: tuple[Intent, ...],
) -> None:
    pull = detail.summary
    login = wired.backend.people.github_login(actor.name)
    person = Person.of(actor, login)
    draw(card_head("Your verdict", f"as {actor.name}"))
    _blockers(detail)
    consent_outcome()
    if actor.may(Right.REVIEW) and login is None:
        connect_github(wired, actor, f"/pull-requests?number={pull.number}")
    elif login is not None:
        disconnect_github(wired, actor, login)
    if not closed(detail):
        st.text_area(
            "Reason, required", key=f"verdict_{pull.number}", height=76, placeholder="Goes to GitHub and to the ledger"
        )
    common = "This pull request is closed." if closed(detail) else away(reading, utc_now())
    buttons = (
        (IntentKind.APPROVE_AND_MERGE, "Approve and merge", "merge", approve_and_merge_refusal(detail, person)),
        (IntentKind.APPROVE, "Approve", "check", ""),
        (IntentKind.MERGE, "Merge", "merge", merge_refusal(detail)),
        (IntentKind.REQUEST_CHANGES, "Request changes", "edit_note", ""),
    )
    for kind, label, symbol, blocked in buttons:
        refusal = (
            common or wired.backend.reviews.refusal(actor, kind, pull, detail.commits) or underway(intents) or blocked
        )
        _button(wired, actor, detail, kind, label, refusal, symbol)
    if closed(detail):
        return
    draw(
        fill(
            '<p class="quiet">Bound to commit <code>{sha}</code>: refused if the branch has moved. The worker does it'
            " on GitHub under your name, within seconds; GitHub has the last word.</p>",
            sha=short_commit(pull.head_sha),
        )
    )


def _button(
    wired: Wiring, actor: Actor, detail: PullRequestDetail, kind: IntentKind, label: str, refusal: str, symbol: str
) -> None:
    pull = detail.summary
    reviews = wired.backend.reviews

    def record() -> None:
        reason = str(st.session_state.get(f"verdict_{pull.number}", ""))
        if kind is IntentKind.RERUN:
            reason = RERUN_REASON
        attempt(
            f"{kind}/{pull.number}/{pull.head_sha}",
            lambda key: reviews.record(
                actor, kind, pull.number, pull.head_sha, pull.author, reason, key, detail.commits
            ),
            f"{label} is recorded; the worker does it on GitHub now.",
        )

    action(
        label,
        key=kind.value.replace(" ", "_").replace("-", "_"),
        refusal=Untrusted(refusal, 300).one_line(),
        on_click=record,
        primary=kind is IntentKind.APPROVE_AND_MERGE,
        symbol=symbol,
    )


def _rerun(
    wired: Wiring,
    actor: Actor,
    reading: Reading[PullRequestDetail | None],
    detail: PullRequestDetail,
    intents: tuple[Intent, ...],
) -> None:
    refusal = "This pull request is closed." if closed(detail) else away(reading, utc_now())
    refusal = refusal or rerun_refusal(detail) or underway(intents)
    refusal = refusal or wired.backend.reviews.refusal(actor, IntentKind.RERUN, detail.summary)
    _button(wired, actor, detail, IntentKind.RERUN, "Run failed checks again", refusal, "replay")


def _blockers(detail: PullRequestDetail) -> None:
    if detail.merged_sha:
        draw(
            fill(
                "<p>{icon} <b>Merged</b> as <code>{sha}</code>{by}.</p>",
                icon=icon("merge", "good"),
                sha=short_commit(detail.merged_sha),
                by=fill(" by {who}", who=Untrusted(detail.merged_by, 60)) if detail.merged_by else Html(""),
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
