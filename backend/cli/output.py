"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from backend.cli.printable import printable
from backend.domain.comparison import BandShare, Comparison, Difference
from backend.domain.value import Value

PIPE_WIDTH = 4_000
F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """`--json`: the domain values as they are, one document on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def print_json(value: object) -> None:
    # ASCII only: outside text could otherwise steer the terminal that shows it.
    click.echo(json.dumps(value, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, Value):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A plain table; `empty` says what would be here. Outside text is printed without its control characters."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    shown = 0
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
        shown += 1
    if shown:
        # A file or a pipe has no width to fold at, and folded ids could be neither searched nor copied.
        Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)
    else:
        click.echo(empty)


def moment(value: datetime | None) -> str:
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S") if value else "-"


def short(digest_or_commit: str) -> str:
    return digest_or_commit.removeprefix("sha256:")[:10]


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """Every paired difference, what it means for patients, and each band."""
    from backend.policy.consequence import consequence_lines
    from backend.policy.subgroups import subgroup_rule

    yield from map(difference_line, comparison.differences)
    if comparison.consequence is not None:
        yield from consequence_lines(comparison.consequence)
    if comparison.subgroups is not None:
        yield subgroup_rule(comparison.subgroups)
        for band in comparison.subgroups.bands:
            shares = f"sensitivity {_share(band.sensitivity)}; specificity {_share(band.specificity)}"
            yield f"{band.axis} {band.band} (n {band.rows:,}, {band.positives:,} ill): {shares}"


def _share(share: BandShare) -> str:
    if share.difference is None:
        return share.verdict.value
    return f"{share.difference:+.3f} [{share.low:+.3f}, {share.high:+.3f}] {share.verdict.value}"


def difference_line(difference: Difference) -> str:
    """A paired difference in one line: both values, the difference, its interval, the verdict."""
    values = f"{difference.champion:.4f} -> {difference.challenger:.4f}, {difference.difference:+.4f}"
    return f"{difference.metric}: {values} [{difference.low:+.4f}, {difference.high:+.4f}] {difference.verdict.value}"
