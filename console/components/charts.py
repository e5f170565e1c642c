"""Plotly figures: one template for both themes, built once per version of the data."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from console.components.markup import draw, fill, join
from console.viewmodels.series import Chart, Series
from console.viewmodels.text import Untrusted

_INK = {
    "light": {
        "text": "#5B6474",
        "grid": "#E6E9EF",
        "limit": "#C0392B",
        "shade": "rgba(44,95,214,0.05)",
        "card": "#FFFFFF",
    },
    "dark": {
        "text": "#97A1B3",
        "grid": "#252C39",
        "limit": "#F97066",
        "shade": "rgba(125,162,255,0.07)",
        "card": "#171C25",
    },
}
_COLOURS = {
    "light": ("#2C5FD6", "#7A44B8", "#00876C", "#C2570C", "#B0226B", "#5B6474"),
    "dark": ("#7DA2FF", "#C4A0FA", "#3CCB9E", "#F7A14D", "#F28BB8", "#97A1B3"),
}
NARROW = 0.12
MOMENTS = (
    (timedelta(minutes=10), "%H:%M:%S"),
    (timedelta(hours=25), "%H:%M"),
    (timedelta(days=4), "%a %H:%M"),
    (timedelta(days=300), "%-d %b"),
    (timedelta.max, "%b %Y"),
)
"""Up to which stretch of time an axis writes its moments how."""
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def theme() -> str:
    """The viewer's theme; light until the browser has said."""
    return "dark" if st.context.theme.type == "dark" else "light"


class Drawing(go.Figure):  # type: ignore[misc]  # Plotly ships no types
    """A figure that is ready to be sent.

    Streamlit asks a figure for its parts on every run, and Plotly would check, complete and copy them each time.
    """

    def __init__(self, parts: dict[str, Any]) -> None:
        super().__init__()
        object.__setattr__(self, "_ready", parts)

    def to_dict(self) -> dict[str, Any]:
        ready: dict[str, Any] = object.__getattribute__(self, "_ready")
        return ready


@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs={Chart: hash})
def _drawing(chart: Chart, tone: str) -> Drawing:
    """The drawing of one chart; charts are compared by their content, so an unchanged one is drawn once."""
    return Drawing(parts(chart, tone))


def parts(chart: Chart, tone: str) -> dict[str, Any]:
    """Traces and layout as Plotly's schema names them."""
    ink = _INK[tone]
    over_time: dict[str, Any] = {"type": "date", "tickformat": _moments(chart)}
    if chart.start and chart.end:
        over_time["range"] = [_x(chart.start), _x(chart.end)]
    labels = {"size": 11.5, "family": "Inter, system-ui, sans-serif", "color": ink["text"]}
    shapes, annotations = _shade(chart, ink)
    layout = {
        "height": chart.height,
        "margin": {
            "l": 62 if chart.y_title else 44,
            "r": 10,
            "t": 18 if chart.bands or chart.marks else 8,
            "b": 38 if chart.x_title else 20,
        },
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": labels,
        "showlegend": False,
        "hovermode": "x unified" if chart.over_time else "closest",
        "hoverlabel": {"align": "left", "bgcolor": ink["card"], "bordercolor": ink["grid"], "font": labels},
        "bargap": 0.1,
        "barmode": "stack",
        "xaxis": _axis(ink, title=_label(chart.x_title))
        | {"showgrid": not chart.over_time}
        | (over_time if chart.over_time else {"type": "linear"}),
        "yaxis": _axis(ink, title=_label(chart.y_title))
        | {"type": "linear", "rangemode": "tozero" if chart.from_zero else "normal"}
        # Else Plotly measures every word that it has written there.
        | {"ticklabeloverflow": "allow"},
        "shapes": shapes,
        "annotations": annotations,
        "uirevision": chart.name,
        # Streamlit draws every figure twice. Arrays are compared by this alone, so the second time changes nothing;
        # packed arrays count as changed whatever stands here.
        "datarevision": str(hash(chart)),
    }
    return {"data": [_trace(series, tone, chart.unit) for series in chart.series], "layout": layout}


def _moments(chart: Chart) -> str:
    """How moments are written at the axis: as finely as its stretch needs for no two to look alike."""
    ends = [chart.start, chart.end] if chart.start and chart.end else [at for one in chart.series for at in one.x]
    moments = [at for at in ends if isinstance(at, datetime)]
    stretch = max(moments) - min(moments) if moments else timedelta(0)
    return next(written for longest, written in MOMENTS if stretch <= longest)


def _x(at: datetime | float) -> float:
    """A place on the x axis; moments as milliseconds since 1970, which Plotly reads as UTC."""
    return at.timestamp() * 1000 if isinstance(at, datetime) else at


def _places(x: Sequence[datetime | float]) -> dict[str, Any]:
    """The places of a trace's points; those at even distances as the first one and the step."""
    at = [_x(one) for one in x]
    step = at[1] - at[0] if len(at) > 1 else 0.0
    if step and all(here + step == after for here, after in pairwise(at)):
        return {"x0": at[0], "dx": step}
    return {"x": at if x and isinstance(x[0], datetime) else [_drawn(one) for one in at]}


def _drawn(value: float) -> float:
    """As precise as a screen shows it, in a third of the digits."""
    return float(f"{value:.6g}")


def _label(text: str) -> str:
    """Plotly parses a few HTML tags in labels; ours are shown as they are."""
    return html.escape(Untrusted(text).one_line(40))


def _axis(ink: dict[str, str], title: str) -> dict[str, Any]:
    return {
        "gridcolor": ink["grid"],
        "zeroline": False,
        "linecolor": ink["grid"],
        "title": {"text": title, "font": {"size": 11}},
    }


def _trace(series: Series, tone: str, unit: str) -> dict[str, Any]:
    colour = _COLOURS[tone][series.style % len(_COLOURS[tone])]
    drawn: dict[str, Any] = {
        **_places(series.x),
        "y": [None if y is None else _drawn(y) for y in series.y],
        "name": _label(series.name),
        "hovertemplate": f"%{{y:.4~g}} {unit}",
    }
    if series.bars:
        pattern = {"shape": "/" if series.style % 2 else "", "fillmode": "overlay", "fgopacity": 0.5}
        return drawn | {"type": "bar", "marker": {"color": colour, "pattern": pattern, "line": {"width": 0}}}
    if series.dots:
        named = {"text": [_label(label) for label in series.labels]} if series.labels else {}
        return (
            drawn
            | named
            | {
                "type": "scatter",
                "mode": "markers",
                "marker": {"size": 9, "color": colour, "symbol": ("circle", "diamond")[series.style % 2]},
                "hovertemplate": "%{text}<br>%{x:.4~g}, %{y:.4~g}<extra></extra>",
            }
        )
    return drawn | {
        "type": "scatter",
        "mode": "lines+markers" if series.sparse else "lines",
        "connectgaps": False,
        "line": {"color": colour, "width": 2, "dash": _DASHES[series.style % len(_DASHES)]},
        "marker": {"size": 5, "color": colour},
    }


def _shade(chart: Chart, ink: dict[str, str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Shapes and words: bands for who served when, dotted lines for what was done, and the limit."""
    shapes: list[dict[str, Any]] = []
    words: list[dict[str, Any]] = []
    small = {"showarrow": False, "font": {"size": 10}}
    for index, band in enumerate(chart.bands):
        start, end = _x(band.start), _x(band.end)
        if index % 2 == 0:
            area = {"type": "rect", "x0": start, "x1": end, "y0": 0, "y1": 1, "yref": "y domain"}
            shapes.append(area | {"fillcolor": ink["shade"], "line": {"width": 0}, "layer": "below"})
        if band.name and chart.share(band.end) - chart.share(band.start) > NARROW:
            place = {"x": start, "y": 0, "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
            words.append(small | place | {"text": _label(band.name), "opacity": 0.8})
    for mark in chart.marks:
        line = {"type": "line", "x0": _x(mark.at), "x1": _x(mark.at), "y0": 0, "y1": 1, "yref": "y domain"}
        shapes.append(line | {"line": {"color": ink["text"], "width": 1, "dash": "dot"}})
        side = "right" if chart.share(mark.at) > 0.25 else "left"
        place = {"x": _x(mark.at), "y": 1, "yref": "paper", "xanchor": side, "yanchor": "bottom"}
        words.append(small | place | {"text": _label(mark.text)})
    if chart.limit is not None:
        line = {"type": "line", "x0": 0, "x1": 1, "xref": "x domain", "y0": chart.limit, "y1": chart.limit}
        shapes.append(line | {"line": {"color": ink["limit"], "width": 1.3, "dash": "dash"}})
        place = {"x": 1, "xref": "paper", "y": chart.limit, "xanchor": "right", "yanchor": "bottom"}
        words.append(small | place | {"text": chart.limit_text, "font": {"size": 10.5, "color": ink["limit"]}})
    return shapes, words


Brush = Callable[[str], None]
"""Called with the key of a chart over which somebody has drawn a stretch of time."""


def chart(content: Chart, brush: Brush | None = None, *, picture: bool = False) -> None:
    """Draw a chart with a legend of shapes as well as colours; `picture` offers it as a PNG file."""
    if len(content.series) > 1:
        draw(
            fill(
                '<div class="legend">{entries}</div>',
                entries=join(
                    fill(
                        '<span><i class="{dash}" style="border-color:{colour}"></i>{name}</span>',
                        dash=_sign(s),
                        colour=_COLOURS[theme()][s.style % len(_COLOURS[theme()])],
                        name=s.name,
                    )
                    for s in content.series
                ),
            )
        )
    key = f"chart_{content.name}"
    select: dict[str, Any] = {}
    if brush is not None:
        # The same drawing, answered by another window, must not keep the rectangle that asked for it.
        key = f"{key}_{_x(content.start):.0f}_{_x(content.end):.0f}" if content.start and content.end else key
        select = {"on_select": partial(brush, key), "selection_mode": "box"}
    st.plotly_chart(
        _drawing(content, theme()),
        key=key,
        theme=None,
        width="stretch",
        config=_pictured(content) if picture else {"displayModeBar": False, "displaylogo": False},
        **select,
    )


def _sign(series: Series) -> str:
    """What stands for it in the legend: the bar or the dot it is drawn with, or its line."""
    if series.bars:
        return "bar"
    if series.dots:
        return "diamond" if series.style % 2 else "dot"
    return "dash" if series.style % len(_DASHES) else ""


def _pictured(content: Chart) -> dict[str, Any]:
    saved = {"format": "png", "filename": f"{content.name}", "scale": 2}
    return {"displaylogo": False, "modeBarButtons": [["toImage"]], "toImageButtonOptions": saved}
