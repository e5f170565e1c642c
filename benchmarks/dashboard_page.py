"""A day of minutes in six charts, drawn as the console draws them or as Streamlit draws Plotly by default.

`DASHBOARD=ours` or `DASHBOARD=peer` chooses. Both have an empty page to come from, and a range to choose.
"""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime, timedelta

import plotly.graph_objects as go
import streamlit as st

from backend.domain.telemetry import Traffic, TrafficPoint
from console.components.charts import chart
from console.viewmodels.monitoring import charts

END = datetime(2026, 11, 27, tzinfo=UTC)
NAMES = ("v1-7f3a", "v2-90bc")
RANGES = {"24 h": 1440, "12 h": 720}


def traffic(minutes: int) -> Traffic:
    """Two deployments, with a hole of half an hour and an error now and then."""
    start = END - timedelta(minutes=minutes)
    points = tuple(
        TrafficPoint(
            at=start + timedelta(minutes=minute),
            deployment=name,
            requests=60 + round(20 * math.sin(minute / 90 + order)),
            errors=minute % 97 == 0,
            p50_ms=40 + 5 * math.sin(minute / 60),
            p95_ms=84 + 9 * math.sin(minute / 40 + order),
            p99_ms=120 + 20 * math.sin(minute / 25),
            model=minute % 97 == 0,
            delay_ms=minute % 7,
        )
        for minute in range(minutes)
        if not 400 <= minute < 430
        for order, name in enumerate(NAMES)
    )
    return Traffic(
        endpoint="e", start=start, end=END, bin_seconds=60, points=points, summaries=(), statuses=(), callers=(),
        data_until=END,
    )  # fmt: skip


@st.cache_resource
def known(minutes: int) -> Traffic:
    return traffic(minutes)


@st.cache_resource
def ours(minutes: int) -> tuple[object, ...]:
    return charts(known(minutes), (), ())


def draw_ours(minutes: int) -> None:
    for content in ours(minutes):
        chart(content)  # type: ignore[arg-type]  # cached as it was built


def draw_peer(minutes: int) -> None:
    """As Streamlit's documentation shows it: a figure a chart, built in the script, with its own theme."""
    found = known(minutes)
    picks = ("requests", "model", "p50_ms", "p95_ms", "p99_ms", "delay_ms")
    for pick in picks:
        figure = go.Figure()
        for name in NAMES:
            mine = [point for point in found.points if point.deployment == name]
            figure.add_trace(go.Scatter(x=[p.at for p in mine], y=[getattr(p, pick) for p in mine], name=name))
        figure.update_layout(height=190, margin={"l": 44, "r": 10, "t": 18, "b": 20})
        st.plotly_chart(figure, key=pick)


def first() -> None:
    st.title("First")


def second() -> None:
    st.title("Second")
    choice = st.segmented_control("Range", list(RANGES), default="24 h", key="range") or "24 h"
    st.markdown(f"Range {choice}")
    (draw_ours if os.environ["DASHBOARD"] == "ours" else draw_peer)(RANGES[choice])


st.set_page_config(layout="wide")
st.navigation([st.Page(first, title="First"), st.Page(second, title="Second")]).run()
