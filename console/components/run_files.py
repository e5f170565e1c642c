"""A run's files, and the beginning of the one that is chosen."""

from __future__ import annotations

import base64
import html

import streamlit as st

from backend.domain.runs import Preview, RunDetail
from console import topics
from console.components.markup import Html, card_head, draw, fill
from console.components.states import empty, waiting
from console.session import parameter
from console.viewmodels.figures import plural
from console.viewmodels.text import Untrusted
from console.wiring import Wiring


def files_tab(wired: Wiring, detail: RunDetail) -> None:
    """`artefact` in the address names the chosen one."""
    names = [artefact.path for artefact in detail.artefacts]
    if not names:
        draw(empty("No file yet", "Evidence, figures and logs, as soon as the run has written one.", "folder_open"))
        return
    sizes = {artefact.path: artefact.size for artefact in detail.artefacts}
    asked = parameter("artefact")
    st.session_state["run_file"] = asked if asked in sizes else names[0]

    def choose() -> None:
        st.query_params["artefact"] = st.session_state["run_file"]

    chosen = st.selectbox(
        f"{plural(len(names), 'file')}",
        names,
        key="run_file",
        on_change=choose,
        format_func=lambda name: f"{Untrusted(name, 120).one_line()} · {size(sizes[name])}",
    )
    reading = wired.snapshots.watch(topics.run_file(detail.run.workspace, detail.run.id, str(chosen)))
    with st.container(border=True, key="card_file"):
        draw(card_head(Untrusted(str(chosen), 120), size(sizes.get(str(chosen), 0))))
        if reading.at is None:
            draw(waiting(reading, "the file"))
        elif reading.value is None:
            draw(empty("It is gone", "The run has no such file any more.", "help"))
        else:
            _preview(reading.value)


def size(count: int) -> str:
    """`812 B`, `14 kB`, `2.1 MB`; "" where it is not known."""
    if not count:
        return ""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def _preview(found: Preview) -> None:
    if found.kind == "image":
        st.image(base64.b64decode(found.data), width=560)
    elif found.kind == "table":
        columns = list(zip(*found.rows, strict=True)) if found.rows else [() for _ in found.columns]
        shown = {
            Untrusted(name, 60).one_line(): [Untrusted(cell, 80).one_line() for cell in column]
            for name, column in zip(found.columns, columns, strict=True)
        }
        st.dataframe(shown, key="file_table", hide_index=True, height=380, row_height=30)
        if found.total_rows > len(found.rows):
            words = f"The first {len(found.rows)} of {found.total_rows:,} rows."
            draw(fill('<p class="quiet">{words}</p>', words=words))
    elif found.kind == "text":
        text = Html(html.escape(Untrusted(found.text).lines(40_000)))
        draw(fill('<pre class="log" tabindex="0" aria-label="File">{text}</pre>', text=text))
    else:
        draw(empty("No preview", "It is no text, table or picture, or larger than 5 MB; nothing of it is opened here.",
                   "visibility_off"))  # fmt: skip
