"""Experiments: every run of both workspaces, found and sorted; one run, or several side by side, as subpages."""

from __future__ import annotations

import streamlit as st
from streamlit.elements.arrow import DataframeStateInput

from backend.domain.clock import utc_now
from backend.domain.people import Actor
from backend.domain.run_search import Found, Search
from backend.errors import Invalid
from console import navigation, topics, wiring
from console.components.header import page_header
from console.components.live import FAST, follow
from console.components.markup import card_head, draw, fill
from console.components.run_marks import run_marks
from console.components.run_views import column_menu, first_page, saved_views
from console.components.states import empty, freshness, notice, waiting
from console.session import parameter, signed_in, tell
from console.viewmodels.figures import ago, plural
from console.viewmodels.run_list import DEFAULT, Address, read_address, rows, title, turned
from console.viewmodels.text import Untrusted
from console.views.experiments_compare import MOST, show_comparison
from console.views.experiments_new import show_new
from console.views.experiments_run import show_run
from console.wiring import Wiring

HINT = "Words, auc>0.9 author:ann, started>7d, or metrics.auc > 0.9 AND params.model = 'gbm'"


def show() -> None:
    actor = signed_in()
    wired = wiring.current()
    if parameter("run"):
        show_run(wired, actor, parameter("run"))
        return
    if parameter("new"):
        show_new(wired, actor)
        return
    if parameter("compare"):
        show_comparison(wired, parameter("compare"))
        return
    page_header("Experiments", meta="Runs of both workspaces, as Azure ML tracks them.")
    reading = wired.snapshots.watch(topics.runs())
    follow("experiments", (topics.runs().key,), every=FAST)
    tell()
    draw(freshness(reading, utc_now()))
    state = wired.backend.runs.state()
    if reading.value is None and not state.runs:
        draw(waiting(reading, "the runs"))
        return
    address = read_address(st.query_params.to_dict())
    with st.container(border=True, key="card_runs"):
        found = _searched(wired, address)
        if found is not None:
            _list(wired, actor, found, address)


def _searched(wired: Wiring, address: Address) -> Found | None:
    """The search line, and one page of what it finds; None where it could not be understood, which is said."""
    words = st.text_input("Search", key="q", bind="query-params", placeholder=HINT, on_change=first_page)
    # A bound widget is what counts: the address follows it a run later.
    page = int(st.session_state.get("page") or address.page)
    try:
        return wired.backend.runs.find(Search(text=words or "", sort=address.sort, page=page, nested=address.parts))
    except Invalid as refusal:
        draw(notice("This search was not understood", Untrusted(str(refusal), 400), "warn", "search_off"))
        return None


def _list(wired: Wiring, actor: Actor, found: Found, address: Address) -> None:
    state = wired.backend.runs.state()
    known = f"{state.runs:,} known" if state.complete else f"{state.runs:,} read so far, going on"
    read = f"index read {ago(state.at, utc_now())}" if state.at else "index not read yet"
    draw(card_head(plural(found.total, "run"), f"{known} · {read} · times in UTC"))
    with st.container(horizontal=True, vertical_alignment="center", key="list_menus"):
        columns = column_menu(found.names, address)
        saved_views(wired, actor)
        navigation.link(navigation.EXPERIMENTS, "New run", "to_new_run", "add", new="run")
    if not found.total:
        if state.runs:
            draw(empty("No run matches", "Fewer words find more.", "search_off"))
        else:
            would_be = "Each training run, with its metrics, parameters, commit and pull request."
            draw(empty("No run yet", would_be, "experiment"))
        return
    picked = _picked()
    _chosen(wired, actor, picked)
    _grid(wired, found, columns, picked)
    if found.pages > 1:
        st.pagination(found.pages, key="page", bind="query-params")


def _picked() -> list[str]:
    return list(dict.fromkeys(part for part in parameter("pick").split(",") if "/" in part))[:MOST]


def _grid(wired: Wiring, found: Found, columns: tuple[str, ...], picked: list[str]) -> None:
    keys = [run.key for run in found.runs]
    headings = {title(column): column for column in ("name", *columns)}
    sort = parameter("sort")

    def select() -> None:
        chosen = st.session_state[grid]["selection"]
        if chosen["columns"]:
            column = headings[chosen["columns"][0]]
            if column != "labels":
                st.query_params["sort"] = turned(column, sort or "-started")
                first_page()
            return
        here = [keys[row] for row in chosen["rows"] if row < len(keys)]
        kept = [key for key in picked if key not in keys]
        st.query_params["pick"] = ",".join([*kept, *here][:MOST])

    # Another page or order is another grid: a selection by row number would point at other runs.
    grid = f"runs_grid_{hash((tuple(keys), sort)) & 0xFFFFFFFF:08x}"
    preset: DataframeStateInput = {"selection": {"rows": [i for i, key in enumerate(keys) if key in picked]}}
    shown = rows(found.runs, columns, utc_now(), wired.backend.run_remarks.marks(), found.children)
    figures = {
        title(column): st.column_config.NumberColumn(title(column), format="%.4f" if column in DEFAULT else "%.5g")
        for column in columns
        if column.startswith("metrics.")
    }
    st.dataframe(
        shown,
        key=grid,
        on_select=select,
        selection_mode=["multi-row", "single-column"],
        selection_default=preset,
        column_config=figures,
        hide_index=True,
        height="content" if len(keys) <= 15 else 560,
        row_height=34,
        placeholder="–",
    )


def _chosen(wired: Wiring, actor: Actor, picked: list[str]) -> None:
    """What can be done with the selected runs."""
    if not picked:
        how = f"Select a run to open it, 2 to {MOST} to compare them. A click on a heading sorts."
        draw(fill('<p class="quiet">{how}</p>', how=how))
        return
    with st.container(horizontal=True, vertical_alignment="center", key="chosen_runs"):
        words = fill('<p class="quiet">{picked} selected</p>', picked=plural(len(picked), "run"))
        st.html(words, width="content")
        if len(picked) > 1:
            label = f"Compare {plural(len(picked), 'run')}"
            navigation.link(navigation.EXPERIMENTS, label, "to_compare", "compare_arrows", compare=",".join(picked))
        navigation.link(navigation.EXPERIMENTS, "Open the first", "to_first_run", "open_in_new", run=picked[0])
        run_marks(wired, actor, picked)
        st.button("Clear", key="clear_pick", type="tertiary", on_click=_clear)


def _clear() -> None:
    st.query_params.pop("pick", None)


show()
