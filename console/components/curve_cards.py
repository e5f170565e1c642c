"""Charts of runs in cards of their own, three in a row."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console.components.charts import chart
from console.components.markup import card_head, draw
from console.viewmodels.series import Chart

ROW = 3


def curve_cards(drawn: Sequence[Chart]) -> None:
    for start in range(0, len(drawn), ROW):
        for column, content in zip(st.columns(ROW), drawn[start : start + ROW], strict=False):
            with column, st.container(border=True, key=f"card_{content.name}"):
                draw(card_head(content.title))
                chart(content)
