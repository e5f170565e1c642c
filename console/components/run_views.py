"""Which columns the run list has, and the searches that people keep."""

from __future__ import annotations

import streamlit as st

from backend.domain.people import Actor
from backend.domain.run_search import MOMENTS, Names
from console import navigation
from console.session import attempt
from console.viewmodels.run_list import Address, choices, read_view, title, turned, write_columns, write_view
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

NO_VIEW = "A search is kept with its columns and its order, and everybody finds it here."


def first_page() -> None:
    """Another question begins on its first page."""
    st.session_state["page"] = 1


def column_menu(names: Names, address: Address) -> tuple[str, ...]:
    """Sort, columns and parts as menus; answers the columns to show."""
    every = choices(names)
    columns = tuple(name for name in address.columns if name in every)
    # What the address asks for and no run has is left out, and comes when a run has it.
    sorts = [name for name in every if name != "labels"]
    by = address.sort.removeprefix("-")

    def chosen_sort() -> None:
        st.query_params["sort"] = f"-{st.session_state['sort_by']}"
        first_page()

    def chosen_columns() -> None:
        text = write_columns(st.session_state["columns_shown"])
        st.query_params["columns"] = text
        if not text:
            st.query_params.pop("columns", None)

    def chosen_parts() -> None:
        st.query_params["parts"] = "yes" if st.session_state["parts_shown"] else "no"
        first_page()

    st.session_state["sort_by"] = by if by in sorts else "started"
    st.selectbox("Sort by", sorts, key="sort_by", format_func=title, on_change=chosen_sort,
                 label_visibility="collapsed", width=210)  # fmt: skip
    down = address.sort.startswith("-")
    first, last = ("Newest", "Oldest") if by in MOMENTS else ("Largest", "Smallest")
    st.button(
        f"{first if down else last} first",
        key="sort_turn",
        icon=":material/arrow_downward:" if down else ":material/arrow_upward:",
        on_click=lambda: st.query_params.update({"sort": turned(by, address.sort)}),
    )
    with st.popover("Columns", icon=":material/view_column:", key="columns_menu"):
        st.session_state["columns_shown"] = list(columns)
        st.multiselect("Columns", every, key="columns_shown", format_func=title, on_change=chosen_columns)
    st.session_state["parts_shown"] = address.parts
    st.toggle("Parts of sweeps", key="parts_shown", on_change=chosen_parts,
              help="Runs that are a part of a sweep or of another run.")  # fmt: skip
    return columns


def saved_views(wired: Wiring, actor: Actor) -> None:
    """The kept searches as links, and a form to keep this one."""
    remarks = wired.backend.run_remarks
    views = remarks.views()
    query = write_view(st.query_params.to_dict())

    def drop(name: str) -> None:
        attempt(f"drop_{name}", lambda _key: remarks.drop_view(actor, actor.name, name), "The view is dropped.")

    def keep() -> None:
        name = str(st.session_state["view_name"])
        done = "Kept; everybody finds it under Views."
        attempt(f"view_{name}", lambda _key: remarks.keep_view(actor, name, query), done)

    with st.popover("Views", icon=":material/bookmark:", key="views_menu"):
        if not views:
            st.caption(NO_VIEW)
        for number, view in enumerate(views):
            with st.container(horizontal=True, vertical_alignment="center", key=f"view_{number}"):
                label = Untrusted(f"{view.name} · {view.owner}", 120)
                navigation.link(navigation.EXPERIMENTS, label, f"to_view_{number}", **read_view(view.query))
                if view.owner == actor.name:
                    st.button("Drop", key=f"drop_view_{number}", type="tertiary", on_click=drop, args=(view.name,))
        st.text_input("Keep this search as", key="view_name", max_chars=60)
        st.button(
            "Keep",
            key="keep_view",
            on_click=keep,
        )
