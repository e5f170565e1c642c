"""A new run or sweep: a branch, changes to its parameters, checked against its own schema while one types."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.people import Actor
from backend.domain.run_requests import RunRequest, Startable
from backend.errors import Invalid
from console import navigation, topics
from console.components.dialogs import action
from console.components.header import page_header
from console.components.live import FAST, follow
from console.components.markup import Content, card_head, draw, fill
from console.components.states import empty, freshness, notice, waiting
from console.components.tables import Column, table
from console.session import attempt, parameter, tell
from console.viewmodels.figures import ago, plural, short_commit
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

HINT = "logistic.reg_rate = 0.001, 0.01, 0.1"
SHOWN = 12


def show_new(wired: Wiring, actor: Actor) -> None:
    page_header("New run", meta="Trains a branch on the dev data; several values of a parameter make a sweep.",
                parent=navigation.EXPERIMENTS, here="New run")  # fmt: skip
    requests = wired.backend.run_requests
    tell()
    pulls = wired.snapshots.watch(topics.pulls()).value or ()
    default = wired.settings.project.default_branch
    branches = [default, *dict.fromkeys(pull.head_ref for pull in pulls if pull.head_ref != default)]
    asked = parameter("branch")
    if asked and asked not in branches:
        branches.append(asked)
    branch = st.selectbox(
        "Branch",
        branches,
        key="branch",
        bind="query-params",
        format_func=lambda name: Untrusted(name, 100).one_line(),
        accept_new_options=True,
        width=480,
    )
    topic = topics.startable(str(branch or default))
    reading = wired.snapshots.watch(topic)
    follow("new run", (topic.key, topics.runs().key), lambda: tuple((r.id, r.state) for r in requests.recent(SHOWN)),
           every=FAST)  # fmt: skip
    draw(freshness(reading, utc_now()))
    with st.container(border=True, key="card_new"):
        if reading.at is None:
            draw(waiting(reading, "the branch's parameters"))
        elif isinstance(reading.value, str) or reading.value is None:
            why = Untrusted(str(reading.value or "It is not known."), 300)
            draw(notice("This branch cannot be started", why, "warn", "help"))
        else:
            _form(wired, actor, reading.value)
    with st.container(border=True, key="card_requests"):
        draw(card_head("Asked for", "newest first"))
        draw_requests(requests.recent(SHOWN))


def _form(wired: Wiring, actor: Actor, of: Startable) -> None:
    requests = wired.backend.run_requests
    draw(card_head(fill("{branch} at <code>{commit}</code>", branch=Untrusted(of.branch, 80),
                        commit=short_commit(of.commit)), plural(len(of.values), "parameter")))  # fmt: skip
    rows: list[tuple[Content, ...]] = [(Untrusted(n, 60), Untrusted(str(v), 60)) for n, v in of.values.items()]
    with st.expander("Parameters of the branch", icon=":material/tune:"):
        draw(table((Column("Name"), Column("Value")), rows, caption="Parameters"))
    said = st.text_area("Changes, one a line", key="changes", bind="query-params", placeholder=HINT, height=110)
    lines = [line for line in (said or "").splitlines() if line.strip()]
    problem, count = "", 1
    try:
        changes = requests.changes(lines)
        made = requests.parts(of, changes)
        count = len(made)
    except Invalid as refusal:
        changes, problem = {}, str(refusal)
    if problem:
        draw(notice("Not a run yet", Untrusted(problem, 400), "warn", "tune"))
    why = st.text_input("Reason, goes to the ledger", key="why_run", max_chars=500)

    def ask() -> None:
        text = str(st.session_state.get("why_run", why))
        done = f"Asked for {plural(count, 'run')} of {of.branch}."
        attempt(f"new_{of.commit}", lambda key: requests.start(actor, of, changes, text, key), done)

    label = "Start the run" if count == 1 else f"Start the sweep of {count} runs"
    action(label, key="start_run", refusal=requests.refusal(actor) or problem, primary=True, symbol="play_arrow",
           on_click=ask)  # fmt: skip


def draw_requests(found: tuple[RunRequest, ...]) -> None:
    if not found:
        would_be = "Each run that was asked for here or on the command line, and what came of it."
        draw(empty("Nothing asked for yet", would_be, "playlist_add"))
        return
    rows: list[tuple[Content, ...]] = [
        (
            ago(one.at, utc_now()),
            Untrusted(one.by, 30),
            Untrusted(one.of_run or one.branch, 60),
            Untrusted(" ".join(f"{n}={v}" for n, v in one.params.items()) or one.kind.value, 120),
            Untrusted(one.outcome or one.state.value, 200),
        )
        for one in found
    ]
    heads = [Column(title) for title in ("Asked", "By", "Of", "What", "Outcome")]
    draw(table(heads, rows, caption="Runs asked for"))
