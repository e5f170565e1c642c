"""Two to a hundred runs side by side: what differs, any two numbers as a scatter, curves, verdicts to a baseline."""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.comparison import METRIC_NAMES, Difference
from backend.domain.runs import Run, RunCurves
from backend.domain.value import Reading
from console import navigation, topics
from console.components.cards import card, word
from console.components.charts import chart
from console.components.curve_cards import curve_cards
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import Content, card_head, draw, fill
from console.components.states import empty, freshness, notice, waiting
from console.components.tables import Column, scrolling, table, two_lines
from console.session import parameter
from console.surroundings import champion
from console.viewmodels.experiments import Fact, Judged, facts, judged, numbers, overlaid, scatter
from console.viewmodels.figures import interval, plural, signed
from console.viewmodels.state import VERDICTS
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

MOST = 100
SIDE_BY_SIDE = 6
"""Up to so many runs stand in a table beside each other; more are a grid, which draws what is in sight."""
CURVES = 12
"""Lines that an eye can tell apart; of more runs the first are drawn."""
IN_SIGHT = 12
"""Rows of the grid that are drawn without scrolling."""
WIDE = 560
"""Pixels of the baseline's field: a name and an id."""
SHOWN = ("auc", "sensitivity", "specificity", "ppv", "brier", "calibration_slope")


def show_comparison(wired: Wiring, wanted: str) -> None:
    keys = list(dict.fromkeys(part for part in wanted.split(",") if part))[:MOST]
    runs = wired.backend.runs.known(keys)
    page_header("Compared" if len(runs) > 1 else "Run", meta=plural(len(runs), "run"), parent=navigation.EXPERIMENTS,
                here="Comparison")  # fmt: skip
    known = tuple(run.key for run in runs)
    unknown = [key for key in keys if key not in known]
    if unknown:
        named = Untrusted(", ".join(unknown), 200)
        draw(notice("Not every run in the address is known", named, "warn", "help"))
    if not runs:
        draw(waiting(wired.snapshots.watch(topics.runs()), "the runs"))
        return
    baseline = _baseline(wired, runs)
    curves = topics.run_curves(known)
    verdicts = topics.run_differences(baseline, known)
    with st.container(border=True, key="card_facts"):
        _facts(runs)
    follow("compare", (topics.runs().key, curves.key, verdicts.key))
    if len(runs) > 1:
        with st.container(border=True, key="card_verdicts"):
            reading = wired.snapshots.watch(verdicts)
            draw(freshness(reading, utc_now()))
            if reading.value is None:
                draw(waiting(reading, "the predictions of these runs"))
            else:
                _verdicts(judged(runs, reading.value))
        with st.container(border=True, key="card_scatter"):
            _scatter(runs, baseline)
    _curves(runs, wired.snapshots.watch(curves))


def _baseline(wired: Wiring, runs: tuple[Run, ...]) -> str:
    """What the others are judged against: as chosen, else the run of the version that serves, else the first."""
    keys = [run.key for run in runs]
    serving = champion(wired)
    first = next((run.key for run in runs if serving is not None and run.id == serving.lineage.run), keys[0])
    if len(runs) < 2:
        return first
    names = {run.key: Untrusted(f"{run.name or run.id} · {run.id}", 100).one_line() for run in runs}
    asked = parameter("baseline")
    st.session_state["baseline_run"] = asked if asked in keys else first

    def choose() -> None:
        st.query_params["baseline"] = st.session_state["baseline_run"]

    named = names.__getitem__
    return str(st.selectbox("Baseline", keys, key="baseline_run", format_func=named, on_change=choose, width=WIDE))


def _facts(runs: tuple[Run, ...]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="facts_menus"):
        everything = len(runs) == 1 or not st.toggle("Only differences", value=True, key="differences")
        across = len(runs) > 1 and st.toggle("A row for each run", value=len(runs) > SIDE_BY_SIDE, key="transposed")
    lines = [fact for fact in facts(runs) if everything or fact.differs]
    if not lines:
        draw(empty("Nothing differs", "These runs have the same metrics, parameters and tags.", "equal"))
    elif len(runs) > SIDE_BY_SIDE:
        _grid(runs, lines, across=across)
    else:
        _table(runs, lines, across=across)


def _table(runs: tuple[Run, ...], lines: list[Fact], *, across: bool) -> None:
    heads: list[Content] = [fill("<b>{n}</b>", n=Untrusted(run.name or run.id, 60)) for run in runs]
    titles: list[Content] = [
        fill('<span class="quiet">{group}</span> {name}', group=fact.group, name=fact.name) for fact in lines
    ]
    cells: list[list[Content]] = [list(fact.values) for fact in lines]
    if across:
        heads, titles = titles, heads
        cells = [list(row) for row in zip(*cells, strict=True)]
    body = table(
        (Column(""), *(Column(head) for head in heads)),
        [(name, *row) for name, row in zip(titles, cells, strict=True)],
        caption="Comparison of runs",
    )
    draw(scrolling(body, "Compared runs"))


def _grid(runs: tuple[Run, ...], lines: list[Fact], *, across: bool) -> None:
    names = [Untrusted(run.name or run.id, 60).one_line() for run in runs]
    titles = [f"{fact.group} {fact.name.one_line()}" for fact in lines]
    values = [[value.one_line() for value in fact.values] for fact in lines]
    if across:
        shown = {"Run": names} | dict(zip(titles, values, strict=True))
    else:
        unique = [f"{name} ({run.id})" for name, run in zip(names, runs, strict=True)]
        columns = [list(column) for column in zip(*values, strict=True)]
        shown = {"": titles} | dict(zip(unique, columns, strict=True))
    rows = len(next(iter(shown.values()), ()))
    key = f"facts_grid_{across}"
    # An Arrow table is sent as it is; anything else would become a data frame of pandas first.
    st.dataframe(
        pa.table(shown), key=key, hide_index=True, height="content" if rows <= IN_SIGHT else 420, row_height=32
    )


def _verdicts(found: tuple[Judged, ...]) -> None:
    draw(card_head("Against the baseline", "95 % intervals of the paired difference, on the same holdout rows"))
    metrics = [metric for metric in SHOWN if any(one.on(metric) for one in found)]
    rows: list[list[Content]] = []
    for one in found:
        name = fill("<b>{n}</b>", n=Untrusted(one.run.name or one.run.id, 60))
        if one.problem:
            # Below the name: a sentence in a column of figures would stand a word to the line.
            name = two_lines(name, Untrusted(one.problem, 200))
        rows.append([name, *(_verdict(one.on(metric)) for metric in metrics)])
    heads = [Column(METRIC_NAMES[metric]) for metric in metrics]
    body = table((Column("Run"), *heads), rows, caption="Difference of each run to the baseline")
    draw(scrolling(body, "Difference of each run to the baseline", tall=True))


def _verdict(difference: Difference | None) -> Content:
    if difference is None:
        return "–"
    return fill(
        '{verdict} <span class="two">{change} {interval}</span>',
        verdict=word(VERDICTS[difference.verdict]),
        change=signed(difference.difference),
        interval=interval(difference.low, difference.high),
    )


def _scatter(runs: tuple[Run, ...], baseline: str) -> None:
    known = numbers(runs)
    axes = list(known)
    x = "auc" if "auc" in axes else axes[0]
    y = "brier" if "brier" in axes else axes[-1]
    left, right = st.columns(2)
    across = left.selectbox("Across", axes, index=axes.index(x), key="x", bind="query-params")
    up = right.selectbox("Up", axes, index=axes.index(y), key="y", bind="query-params")
    drawn = scatter(runs, known, across or x, up or y, baseline)
    if drawn is not None:
        chart(drawn)


def _curves(runs: tuple[Run, ...], reading: Reading[tuple[RunCurves, ...]]) -> None:
    draw(freshness(reading, utc_now()))
    if reading.value is None:
        draw(waiting(reading, "the curves of these runs"))
        return
    drawn = overlaid(runs, [found for found in reading.value if found.curves][:CURVES])
    if not drawn:
        would_be = "ROC, precision and recall, calibration and thresholds, once the run has left its evidence."
        draw(card("Curves", empty("No curves yet", would_be, "show_chart")))
        return
    curve_cards(drawn)
    without = [found for found in reading.value if found.problem]
    if without:
        words = "; ".join(f"{found.key}: {found.problem}" for found in without[:5])
        more = f" and {len(without) - 5} more" if len(without) > 5 else ""
        draw(fill('<p class="quiet">Without a curve: {words}{more}</p>', words=Untrusted(words, 600), more=more))
