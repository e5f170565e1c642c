"""The table behind a chart: the same numbers as columns and as a file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from console.viewmodels.series import Chart

Column = list[object]


def columns_of(chart: Chart) -> dict[str, Column]:
    """Every moment with a measured value once, and a column a series; None where nothing was measured."""
    moments = sorted({x for series in chart.series for x, y in zip(series.x, series.y, strict=True) if y is not None})
    found: dict[str, Column] = {"Time (UTC)" if chart.over_time else chart.x_title or "x": [_cell(x) for x in moments]}
    for series in chart.series:
        at = dict(zip(series.x, series.y, strict=True))
        found[_heading(series.name, chart.unit, found)] = [at.get(x) for x in moments]
    return found


def csv_of(chart: Chart) -> bytes:
    """RFC 4180, UTF-8; an empty cell where nothing was measured. No name can begin a formula in a spreadsheet."""
    columns = columns_of(chart)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_harmless(name) for name in columns])
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue().encode()


def _heading(name: str, unit: str, known: dict[str, Column]) -> str:
    """Two deployments may not share a column."""
    heading = f"{name}, {unit}" if unit else name
    return heading if heading not in known else f"{heading} ({len(known)})"


def _cell(x: datetime | float) -> object:
    return f"{x.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if isinstance(x, datetime) else x


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
