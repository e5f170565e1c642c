"""Plotly figures: one template for both themes, built once per version of the data."""

from __future__ import annotations

import html
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from console.components.markup import draw, fill, join
from console.viewmodels.series import Chart, Series
from console.viewmodels.text import Untrusted

_INK = {
    "light": {"text": "#5B6474", "grid": "#E6E9EF", "limit": "#C0392B", "shade": "rgba(44,95,214,0.05)"},
    "dark": {"text": "#97A1B3", "grid": "#252C39", "limit": "#F97066", "shade": "rgba(125,162,255,0.07)"},
}
_COLOURS = {
    "light": ("#2C5FD6", "#7A44B8", "#00876C", "#C2570C", "#B0226B", "#5B6474"),
    "dark": ("#7DA2FF", "#C4A0FA", "#3CCB9E", "#F7A14D", "#F28BB8", "#97A1B3"),
}
NARROW = 0.12
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def theme() -> str:
    """The viewer's theme; light until the browser has said."""
    return "dark" if st.context.theme.type == "dark" else "light"


@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs={Chart: hash})
def _figure(chart: Chart, tone: str) -> go.Figure:
    """The drawing of one chart; charts are compared by their content, so an unchanged one is drawn once."""
    ink = _INK[tone]
    figure = go.Figure()
    for series in chart.series:
        figure.add_trace(_trace(series, tone, chart.unit))
    figure.update_layout(
        height=chart.height,
        margin={"l": 40, "r": 10, "t": 18 if chart.bands or chart.marks else 8, "b": 20},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Inter, system-ui, sans-serif", "size": 11.5, "color": ink["text"]},
        showlegend=False,
        hovermode="x unified" if chart.over_time else "closest",
        bargap=0.1,
        barmode="stack",
        xaxis=_axis(ink, title=chart.x_title) | {"showgrid": not chart.over_time},
        yaxis=_axis(ink, title="") | {"rangemode": "tozero" if chart.from_zero else "normal"},
        uirevision=chart.name,
    )
    if chart.over_time:
        figure.update_xaxes(range=[chart.start, chart.end], tickformat="%H:%M")
    _shade(figure, chart, ink)
    return figure


def _label(text: str) -> str:
    """Plotly parses a few HTML tags in labels; ours are shown as they are."""
    return html.escape(Untrusted(text).one_line(40))


def _axis(ink: dict[str, str], title: str) -> dict[str, Any]:
    return {
        "gridcolor": ink["grid"],
        "zeroline": False,
        "linecolor": ink["grid"],
        "title": {"text": title, "font": {"size": 11}},
        "automargin": "left" if not title else True,
    }


def _trace(series: Series, tone: str, unit: str) -> go.Scatter | go.Bar:
    colour = _COLOURS[tone][series.style % len(_COLOURS[tone])]
    x, y = list(series.x), list(series.y)
    if series.bars:
        pattern = {"shape": "/" if series.style % 2 else "", "fgopacity": 0.6}
        return go.Bar(
            x=x, y=y, name=_label(series.name), marker={"color": colour, "pattern": pattern, "line": {"width": 0}}
        )
    return go.Scatter(
        x=x,
        y=y,
        name=_label(series.name),
        mode="lines+markers" if series.sparse else "lines",
        connectgaps=False,
        line={"color": colour, "width": 2, "dash": _DASHES[series.style % len(_DASHES)]},
        marker={"size": 5},
        hovertemplate=f"%{{y:.4~g}} {unit}",
    )


def _shade(figure: go.Figure, chart: Chart, ink: dict[str, str]) -> None:
    """Bands for who served when, dotted lines for what was done, and the limit."""
    small = {"size": 10}
    for index, band in enumerate(chart.bands):
        if index % 2 == 0:
            figure.add_vrect(x0=band.start, x1=band.end, fillcolor=ink["shade"], line_width=0, layer="below")
        if chart.share(band.end) - chart.share(band.start) > NARROW:
            place = {"x": band.start, "y": 0, "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
            figure.add_annotation(text=_label(band.name), showarrow=False, font=small, opacity=0.8, **place)
    for mark in chart.marks:
        figure.add_vline(x=mark.at, line={"color": ink["text"], "width": 1, "dash": "dot"})
        side = "right" if chart.share(mark.at) > 0.5 else "left"
        place = {"x": mark.at, "y": 1, "yref": "paper", "xanchor": side, "yanchor": "bottom"}
        figure.add_annotation(text=_label(mark.text), showarrow=False, font=small, **place)
    if chart.limit is not None:
        figure.add_hline(y=chart.limit, line={"color": ink["limit"], "width": 1.3, "dash": "dash"})
        place = {"x": 1, "xref": "paper", "y": chart.limit, "xanchor": "right", "yanchor": "bottom"}
        figure.add_annotation(
            text=chart.limit_text, showarrow=False, font={"size": 10.5, "color": ink["limit"]}, **place
        )


def chart(content: Chart) -> None:
    """Draw a chart with a legend of shapes as well as colours."""
    if len(content.series) > 1:
        draw(
            fill(
                '<div class="legend">{entries}</div>',
                entries=join(
                    fill(
                        '<span><i class="{dash}" style="border-color:{colour}"></i>{name}</span>',
                        dash="dash" if s.style % len(_DASHES) else "",
                        colour=_COLOURS[theme()][s.style % len(_COLOURS[theme()])],
                        name=s.name,
                    )
                    for s in content.series
                ),
            )
        )
    st.plotly_chart(
        _figure(content, theme()),
        key=f"chart_{content.name}",
        theme=None,
        width="stretch",
        config={"displayModeBar": False, "displaylogo": False},
    )
