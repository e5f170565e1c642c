"""One run: what it measured and how, its files and log, where it came from, what came of it, what people say of it."""

from __future__ import annotations

import html

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.people import Actor
from backend.domain.run_requests import RequestKind
from backend.domain.runs import Run, RunDetail, RunState
from backend.domain.value import Reading
from console import navigation, topics
from console.components.cards import card, cards, pairs
from console.components.charts import chart
from console.components.curve_cards import curve_cards
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.diff import diff
from console.components.header import page_header
from console.components.live import AT_ONCE, CALM, follow
from console.components.markup import Content, Html, card_head, draw, fill, join
from console.components.run_again import again_tab, ask_again
from console.components.run_files import files_tab
from console.components.run_remarks import remarks
from console.components.states import empty, freshness, notice, waiting
from console.components.tables import Column, code, copyable, strong, table
from console.session import tell
from console.surroundings import champion
from console.viewmodels.experiments import facts, history_chart, overlaid
from console.viewmodels.figures import ago, asset, duration, plural, short_commit
from console.viewmodels.state import RUNS
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

MOST_PROMOTIONS = 200
TABS = ("Results", "Files", "Log", "Code", "Lineage", "Made again", "Notes")


def show_run(wired: Wiring, actor: Actor, key: str) -> None:
    workspace, _, run_id = key.partition("/")
    topic = topics.run(workspace, run_id)
    reading = wired.snapshots.watch(topic)
    run = reading.value.run if reading.value else next(iter(wired.backend.runs.known([key])), None)
    if run is None:
        page_header("Run", parent=navigation.EXPERIMENTS, here=Untrusted(key, 80))
        follow(f"run {key}", (topic.key,))
        if reading.problem:
            draw(notice("No such run", Untrusted(reading.problem, 300), "warn", "help"))
        else:
            draw(waiting(reading, Untrusted(key, 80).one_line()))
        return
    name = Untrusted(run.name or run.id, 80)
    meta = fill("{id} in {workspace}, by {author}, started {ago}{took}", id=code(Untrusted(run.id, 80)),
                workspace=run.workspace, author=Untrusted(run.author, 40), ago=ago(run.started_at, utc_now()),
                took=f", took {duration(run.took)}" if run.took is not None else "")  # fmt: skip
    page_header(name, state=RUNS[run.state], meta=meta, parent=navigation.EXPERIMENTS, here=name)
    follow(f"run {key}", (topic.key, topics.runs().key, topics.run_curves((run.key,)).key), lambda: _said(wired, run),
           every=CALM if run.state.ended else AT_ONCE)  # fmt: skip
    tell()
    draw(freshness(reading, utc_now()))
    _actions(wired, actor, run)
    _tabs(wired, actor, run, reading)


def _said(wired: Wiring, run: Run) -> tuple[str, ...]:
    said = wired.backend.run_remarks.of_run(run.workspace, run.id)
    asked = wired.backend.run_requests.of_run(run.workspace, run.id)
    return (*(remark.id for remark in said), *(f"{one.id} {one.outcome}" for one in asked))


def _actions(wired: Wiring, actor: Actor, run: Run) -> None:
    refused = wired.backend.run_remarks.refusal(actor)
    with st.container(horizontal=True, vertical_alignment="center", key="run_actions"):
        if not run.state.ended:
            with st.container(width=150):
                clicked = action("Cancel", key="cancel_run", refusal=refused, symbol="cancel")
            if clicked:
                open_dialog("Cancel this run", lambda: _cancel(wired, actor, run))
        if run.state is RunState.COMPLETED:
            with st.container(width=170):
                clicked = action("Reproduce", key="reproduce_run", refusal=refused, symbol="replay")
            if clicked:
                kind = RequestKind.REPRODUCE
                open_dialog("Reproduce this run", lambda: ask_again(wired, actor, run, kind))
        if run.state.broken_off:
            with st.container(width=150):
                clicked = action("Retry", key="retry_run", refusal=refused, symbol="restart_alt")
            if clicked:
                open_dialog("Retry this run", lambda: ask_again(wired, actor, run, RequestKind.RETRY))
        cost = wired.backend.runs.cost(run)
        if cost is not None:
            st.html(fill('<p class="quiet">cost {words}</p>', words=cost.words), width="content")


def _cancel(wired: Wiring, actor: Actor, run: Run) -> None:
    confirm_body(
        [("State", RUNS[run.state].text, "cancelled")],
        fill("<p>Azure ML stops {run}; what it has logged so far stays.</p>", run=Untrusted(run.name, 80)),
        form=f"cancel_{run.id}",
        label="Cancel the run",
        danger=True,
        reason="",
        done=f"Cancellation of {run.id} was asked for.",
        wish=lambda _key, why: wired.backend.runs.cancel(actor, run.workspace, run.id, why),
    )


def _tabs(wired: Wiring, actor: Actor, run: Run, reading: Reading[RunDetail]) -> None:
    chosen = st.segmented_control("Part", TABS, default=TABS[0], key="part", bind="query-params",
                                  label_visibility="collapsed")  # fmt: skip
    detail = reading.value
    if chosen == "Notes":
        remarks(wired, actor, run)
    elif chosen == "Made again":
        again_tab(wired, run)
    elif chosen == "Code":
        _code(wired, run)
    elif chosen == "Lineage":
        _lineage(wired, run, detail)
    elif detail is None:
        draw(waiting(reading, f"run {run.id}"))
    elif chosen == "Files":
        files_tab(wired, detail)
    elif chosen == "Log":
        _log(detail)
    else:
        _results(wired, run, detail)


def _results(wired: Wiring, run: Run, detail: RunDetail) -> None:
    lines = facts([run])

    def part(group: str) -> Html:
        rows = [(fact.name, fact.values[0]) for fact in lines if fact.group == group]
        return (
            table((Column(""), Column("", breaks=True)), rows, caption=group)
            if rows
            else fill('<p class="quiet">None.</p>')
        )

    draw(
        cards(
            [
                card("Metrics", part("Metric"), width=4, name="metrics"),
                card("Parameters", part("Parameter"), width=4, name="params"),
                card("Run", part("Run"), width=4, name="facts"),
            ]
        )
    )
    for start in range(0, len(detail.history), 3):
        for column, history in zip(st.columns(3), detail.history[start : start + 3], strict=False):
            with column, st.container(border=True, key=f"card_history_{start}_{history.metric}"):
                draw(card_head(Untrusted(history.metric, 40), plural(len(history.values), "step")))
                chart(history_chart(history))
    curves = wired.snapshots.watch(topics.run_curves((run.key,)))
    if curves.value is None:
        draw(waiting(curves, "the curves of this run"))
    drawn = overlaid([run], curves.value or ())
    curve_cards(drawn)


def _log(detail: RunDetail) -> None:
    parts = [strong(Untrusted(detail.error, 600))] if detail.error else []
    if detail.log_tail:
        text = html.escape(Untrusted(detail.log_tail).lines())
        parts.append(fill('<pre class="log" tabindex="0" aria-label="Log">{log}</pre>', log=Html(text)))
    if not parts:
        draw(card("Log", empty("No log yet", "The last 200 lines, as soon as the run has written one.", "notes")))
        return
    draw(card("Log", join(parts), note="the last 200 lines", name="run-log"))


def _code(wired: Wiring, run: Run) -> None:
    serving = champion(wired)
    base, head = serving.lineage.commit if serving is not None else "", run.commit
    if not head or not base:
        why = "The run names no commit." if not head else "No version serves yet, so there is no champion."
        draw(card("Code since the champion", empty("Nothing to compare", why, "difference")))
        return
    if base == head:
        draw(card("Code since the champion", empty("The same commit", "The champion was made from it.", "equal")))
        return
    reading = wired.snapshots.watch(topics.code_change(base, head))
    draw(freshness(reading, utc_now()))
    title = fill("Code since the champion <code>{base}</code>", base=Untrusted(short_commit(base)))
    if reading.at is None:
        draw(waiting(reading, "the changed files"))
    elif reading.value is None:
        draw(card(title, empty("Not known to GitHub", "One of the commits is on no branch any more.", "help")))
    elif not reading.value:
        draw(card(title, empty("Nothing added", "This commit has nothing that the champion's has not.", "equal")))
    else:
        draw(card_head(title, plural(len(reading.value), "file")))
        draw(fill('<section class="files">{body}</section>', body=diff(reading.value)))


def _lineage(wired: Wiring, run: Run, detail: RunDetail | None) -> None:
    back, forward = st.columns(2)
    with back, st.container(border=True, key="card_back"):
        draw(card_head("Where it comes from"))
        _back(run, detail)
    with forward, st.container(border=True, key="card_forward"):
        draw(card_head("What came of it"))
        _forward(wired, run)
    if detail is not None and detail.packages:
        rows: list[tuple[Content, ...]] = [
            (Untrusted(name, 60), Untrusted(version, 80)) for name, version in sorted(detail.packages.items())
        ]
        with st.expander(plural(len(rows), "package"), icon=":material/package_2:"):
            draw(table((Column("Package"), Column("Version")), rows, caption="Environment as the run saw it"))


def _back(run: Run, detail: RunDetail | None) -> None:
    if run.pull_request.isdecimal():
        label = f"Pull request #{run.pull_request}"
        navigation.link(navigation.PULL_REQUESTS, label, "to_pull", "merge", number=run.pull_request)
    if run.parent:
        of = run.tags.get("reproduces", "") or run.parent
        search = {"q": f"parent = '{run.parent}'"}
        navigation.link(navigation.EXPERIMENTS, Untrusted(f"Part of {of}", 80), "to_parent", "account_tree", **search)
    commit = copyable(Untrusted(run.commit, 60)) if run.commit else "–"
    data, digest = run.tags.get("data_asset", "") or "–", run.tags.get("data_digest", "")
    rows: list[tuple[Content, Content, Content]] = [
        ("Commit", commit, Untrusted(run.tags.get("branch", ""), 60)),
        ("Data", Untrusted(data, 80), Untrusted(digest[:23], 30)),
    ]
    if detail is not None and detail.environment:
        rows.append(("Environment", Untrusted(asset(detail.environment), 80), Untrusted(detail.compute, 40)))
        rows.append(("Code as uploaded", Untrusted(asset(detail.code), 80), ""))
    draw(pairs(rows))


def _forward(wired: Wiring, run: Run) -> None:
    versions = [v for v in wired.snapshots.watch(topics.versions()).value or () if v.lineage.run == run.id]
    for version in versions:
        label = f"{version.name} v{version.version}"
        navigation.link(
            navigation.MODELS, label, f"version_{version.version}", "deployed_code", version=version.version
        )
        for promotion in wired.backend.promotions.recent(MOST_PROMOTIONS):
            if (promotion.target.model, promotion.target.version) != (version.name, version.version):
                continue
            words = f"{promotion.kind.value} to {promotion.target.endpoint}: {promotion.phase.value}"
            navigation.link(navigation.DEPLOYMENTS, words, f"promotion_{promotion.id}", "rocket_launch",
                            promotion=promotion.id)  # fmt: skip
    below = wired.backend.runs.parts(run.id)
    if below:
        navigation.link(navigation.EXPERIMENTS, plural(below, "run") + " below it", "to_parts", "account_tree",
                        q=f"parent = '{run.id}'")  # fmt: skip
    if not versions and not below:
        draw(fill('<p class="quiet">No model version was registered from this run, and no run is a part of it.</p>'))
