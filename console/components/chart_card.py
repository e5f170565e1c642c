"""A chart in a card of its own: brushed to zoom, with the table behind it, as a file and as a picture."""

from __future__ import annotations

import streamlit as st

from console.components.charts import Brush, chart
from console.components.dialogs import open_dialog
from console.components.markup import card_head, draw
from console.viewmodels.series import Chart
from console.viewmodels.sheet import columns_of, csv_of

ROWS_HEIGHT = 420


def chart_card(content: Chart, brush: Brush | None = None, *, chosen: bool = False) -> None:
    """`chosen` is the one that a link leads to: it stands first and is marked."""
    with st.container(border=True, key=f"{'chosen' if chosen else 'card'}_{content.name}"):
        with st.container(horizontal=True, vertical_alignment="center", key=f"head_{content.name}"):
            draw(card_head(content.title, content.note or content.unit))
            if st.button(
                "Table",
                key=f"table_{content.name}",
                type="tertiary",
                icon=":material/table_chart:",
                help=f"The numbers behind {content.title}, and as a CSV file",
            ):
                open_dialog(content.title, lambda: _sheet(content))
        chart(content, brush, picture=True)


def _sheet(content: Chart) -> None:
    st.dataframe(columns_of(content), height=ROWS_HEIGHT, hide_index=True, key=f"sheet_{content.name}")
    st.download_button(
        "Save as CSV",
        data=lambda: csv_of(content),
        file_name=f"{content.name}.csv",
        mime="text/csv",
        key=f"csv_{content.name}",
        icon=":material/download:",
        on_click="ignore",
    )
