"""What a chart sends to the browser: figures that Plotly accepts, gaps as gaps, no more points than pixels."""

from __future__ import annotations

from datetime import timedelta

import plotly.graph_objects as go
import pytest
from hospital_models import NOW
from hospital_readings import capacity, telemetry

from backend.domain.telemetry import CapacityPoint, Mark, Serving
from console.components.charts import Drawing, parts
from console.viewmodels.monitoring import CAPACITY_POINTS, capacity_charts, charts, statuses, summaries
from console.viewmodels.series import Chart, Series

NAMES = ["v1-aaaaaaaa", "v2-bbbbbbbb"]


def drawn(seconds=3600):
    traffic = telemetry("diabetes-endpoint", NAMES, seconds)
    middle = traffic.start + timedelta(seconds=seconds / 2)
    marks = (Mark(at=middle, kind="shift", text="v2 at 10 %"),)
    serving = (Serving(deployment=NAMES[0], start=traffic.start, end=None),)
    return charts(traffic, marks, serving)


@pytest.mark.parametrize("tone", ["light", "dark"])
def test_plotly_accepts_every_part_of_every_chart(tone):
    limited = Chart("p95", (Series("a", (0.0, 1.0), (1.0, None)),), x_title="x", limit=250.0, over_time=False)
    for chart in (*drawn(), *capacity_charts(capacity(NAMES, 3600), NOW - timedelta(hours=1), NOW), limited):
        figure = go.Figure(parts(chart, tone))
        assert len(figure.data) == len(chart.series)
        assert len(figure.layout.annotations) == sum([len(chart.marks), chart.limit is not None])
    with pytest.raises(ValueError, match="colour"):
        go.Figure({"data": [{"type": "bar", "marker": {"colour": "red"}}]})


def test_a_drawing_is_sent_as_it_was_built_and_not_copied():
    ready = parts(drawn()[0], "light")
    drawing = Drawing(ready)
    assert isinstance(drawing, go.Figure)
    assert drawing.to_dict() is ready


def trace_of(*moments, y):
    chart = Chart("p50", (Series("a", moments, y),), start=NOW, end=NOW + timedelta(minutes=1))
    return parts(chart, "light")["data"][0]


def test_what_was_not_measured_is_sent_as_a_gap_at_its_moment():
    trace = trace_of(NOW, NOW + timedelta(seconds=10), NOW + timedelta(seconds=15), y=(None, 3.0, 1 / 3))
    assert trace["y"] == [None, 3.0, 0.333333]
    assert trace["x"] == [(NOW.timestamp() + seconds) * 1000 for seconds in (0, 10, 15)]


def test_moments_at_even_distances_are_sent_as_the_first_and_the_step():
    trace = trace_of(*(NOW + timedelta(seconds=10 * n) for n in range(3)), y=(1.0, None, 3.0))
    assert (trace["x0"], trace["dx"], "x" in trace) == (NOW.timestamp() * 1000, 10_000, False)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(60, "%H:%M:%S"), (3600, "%H:%M"), (86400, "%H:%M"), (3 * 86400, "%a %H:%M"), (7 * 86400, "%-d %b")],
)
def test_moments_are_written_as_finely_as_the_stretch_needs(seconds, written):
    """A week of axis words that all read 00:00 says nothing."""
    assert parts(drawn(seconds)[0], "light")["layout"]["xaxis"]["tickformat"] == written
    unbounded = Chart("psi", (Series("a", (NOW - timedelta(seconds=seconds), NOW), (1.0, 2.0)),))
    assert parts(unbounded, "light")["layout"]["xaxis"]["tickformat"] == written


def test_what_stays_is_told_from_what_changed_by_the_revision_of_its_data():
    """Plotly compares arrays by nothing else: a redraw without a change must find it equal, and a change another."""
    one, same, other = (
        parts(Chart("p50", (Series("a", (0.0, 1.0), (1.0, y)),), over_time=False), "light")["layout"]["datarevision"]
        for y in (2.0, 2.0, 3.0)
    )
    assert one == same != other


def test_a_day_of_minutes_is_drawn_with_the_highest_of_each_stretch():
    start = NOW - timedelta(days=1)
    busy = start + timedelta(minutes=700)
    points = tuple(
        CapacityPoint(
            at=at, deployment=NAMES[0], cpu_percent=97.0 if at == busy else 20.0, memory_percent=None, capacity=1
        )
        for at in (start + timedelta(minutes=i) for i in range(1440))
    )
    cpu, memory, _ = capacity_charts(points, start, NOW)
    assert len(cpu.series[0].x) <= CAPACITY_POINTS + 1
    assert max(value for value in cpu.series[0].y if value is not None) == 97.0
    assert (cpu.note, memory.note) == ("%, highest of 12 min", "%, no sample yet")
    assert set(memory.series[0].y) == {None}


def test_an_hour_of_minutes_is_drawn_as_it_is():
    points = capacity(NAMES, 3600)
    cpu = capacity_charts(points, NOW - timedelta(hours=1), NOW)[0]
    assert sum(len(series.x) for series in cpu.series) == len(points)
    assert cpu.note == "%"


def test_calls_that_the_endpoint_refused_itself_have_a_name_everywhere():
    """Azure's log leaves their deployment empty: a legend, a row and a bar without a word said nothing."""
    traffic = telemetry("diabetes-endpoint", ["v1-aaaaaaaa", ""], 3600)
    for chart in charts(traffic, (), ()):
        if chart.name == "errors":
            continue  # by whose word it was, of all deployments
        assert {series.name for series in chart.series} == {"v1-aaaaaaaa", "no deployment"}
    assert {row[0] for row in summaries(traffic)} == {"v1-aaaaaaaa", "no deployment"}
    assert all(row[0] for row in statuses(traffic))
