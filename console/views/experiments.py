"""Experiments: runs of both workspaces, found, sorted, and laid side by side."""

from __future__ import annotations

import streamlit as st
from streamlit.elements.arrow import DataframeStateInput

from backend.domain.clock import utc_now
from backend.domain.runs import Run, RunDetail
from backend.domain.value import Reading
from console import topics, wiring
from console.components.cards import card, word
from console.components.charts import chart
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import Html, card_head, draw, fill, join
from console.components.states import empty, freshness, notice, waiting
from console.components.tables import Column, strong, table
from console.session import parameter, signed_in, tell
from console.viewmodels.experiments import SORTS, address, facts, matches, ordered, overlaid, rows
from console.viewmodels.figures import plural
from console.viewmodels.models import METRIC_NAMES
from console.viewmodels.state import RUNS
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

SHOWN, MOST = 200, 6


def show() -> None:
    signed_in()
    wired = wiring.current()
    reading = wired.snapshots.watch(topics.runs())
    page_header("Experiments", meta="Runs of both workspaces, as Azure ML tracks them.")
    follow("experiments", (topics.runs().key,))
    tell()
    draw(freshness(reading, utc_now()))
    if reading.value is None:
        draw(waiting(reading, "the runs"))
        return
    found = _found(reading.value)
    chosen = _chosen(reading.value)
    with st.container(border=True, key="card_runs"):
        _grid(found, bool(reading.value), chosen)
    if chosen:
        _compare(wired, chosen)


def _found(runs: tuple[Run, ...]) -> list[Run]:
    query, sort, workspace = st.columns([0.5, 0.2, 0.3], vertical_alignment="bottom")
    with query:
        words = st.text_input(
            "Search",
            key="q",
            bind="query-params",
            placeholder="Name, author, model=logistic, pull_request=14, failed",
        )
    with sort:
        by = st.selectbox("Sort", SORTS, key="sort", bind="query-params", format_func=lambda s: METRIC_NAMES.get(s, s))
    with workspace:
        places = ["all", *sorted({run.workspace for run in runs})]
        place = st.selectbox("Workspace", places, key="workspace", bind="query-params")
    fitting = [run for run in runs if matches(run, words or "") and place in {"all", None, run.workspace}]
    return ordered(fitting, by or "newest")[:SHOWN]


def _chosen(runs: tuple[Run, ...]) -> list[Run]:
    """The runs that the URL names, in its order."""
    by_address = {address(run): run for run in runs}
    wanted = [part for part in parameter("compare").split(",") if part]
    unknown = [part for part in wanted if part not in by_address]
    if unknown:
        named = Untrusted(", ".join(unknown), 200)
        draw(notice("Not every run in the address is known", named, "warn", "help"))
    return [by_address[part] for part in wanted if part in by_address][:MOST]


def _grid(found: list[Run], any_run: bool, chosen: list[Run]) -> None:
    draw(card_head(plural(len(found), "run"), f"select up to {MOST} to compare · times in UTC"))
    if not found:
        if any_run:
            draw(empty("No run matches", "Fewer words find more.", "search_off"))
        else:
            would_be = "Each training run, with its metrics, parameters, commit and pull request."
            draw(empty("No run yet", would_be, "experiment"))
        return

    def select() -> None:
        picked = st.session_state["runs_grid"]["selection"]["rows"]
        st.query_params["compare"] = ",".join(address(found[i]) for i in picked[:MOST] if i < len(found))

    preset: DataframeStateInput = {"selection": {"rows": [i for i, run in enumerate(found) if run in chosen]}}
    figures = {name: st.column_config.NumberColumn(title, format="%.3f") for name, title in METRIC_NAMES.items()}
    st.dataframe(
        rows(found, utc_now()),
        key="runs_grid",
        on_select=select,
        selection_mode="multi-row",
        selection_default=preset,
        column_config=figures,
        hide_index=True,
        height=min(38 + 35 * len(found), 380),
        row_height=34,
        placeholder="–",
    )


def _compare(wired: Wiring, chosen: list[Run]) -> None:
    readings = [wired.snapshots.watch(topics.run(run.workspace, run.id)) for run in chosen]
    everything = len(chosen) == 1 or not st.toggle("Only differences", value=True, key="differences")
    lines = [fact for fact in facts(chosen) if everything or fact.differs]
    heads = (Column(""), *(Column(fill("<b>{n}</b>", n=Untrusted(run.name or run.id, 60))) for run in chosen))
    body = table(
        heads,
        [(fill('<span class="quiet">{group}</span> {name}', group=f.group, name=f.name), *f.values) for f in lines],
        caption="Comparison of runs",
    )
    if not lines:
        body = empty("Nothing differs", "These runs have the same metrics, parameters and tags.", "equal")
    states = join(
        (fill("{name} {state}", name=Untrusted(r.name or r.id, 40), state=word(RUNS[r.state])) for r in chosen), " · "
    )
    title = "Compared" if len(chosen) > 1 else "Run"
    draw(card(title, fill("<p class=quiet>{states}</p>{body}", states=states, body=body), name="compare"))
    _curves([reading.value for reading in readings if reading.value])
    for run, reading in zip(chosen, readings, strict=True):
        _log(run, reading)


def _curves(details: list[RunDetail]) -> None:
    charts = overlaid(details)
    if not charts:
        would_be = "ROC, precision and recall, calibration, once the run's evidence folder has been read."
        draw(card("Curves", empty("No curves yet", would_be, "show_chart")))
        return
    for column, content in zip(st.columns(len(charts)), charts, strict=True):
        with column, st.container(border=True, key=f"card_{content.name}"):
            draw(card_head(content.title))
            chart(content)


def _log(run: Run, reading: Reading[RunDetail]) -> None:
    draw(freshness(reading, utc_now()))
    if reading.value is None:
        draw(waiting(reading, f"run {run.id}"))
        return
    parts = [strong(Untrusted(reading.value.error, 600))] if reading.value.error else []
    if reading.value.log_tail:
        parts.append(
            fill('<pre class="log" tabindex="0" aria-label="Log">{log}</pre>', log=Html(_plain(reading.value.log_tail)))
        )
    if parts:
        draw(card(fill("Log of {name}", name=Untrusted(run.name or run.id, 60)), join(parts), name="run-log"))


def _plain(text: str) -> str:
    import html

    return html.escape(Untrusted(text).lines())


show()
