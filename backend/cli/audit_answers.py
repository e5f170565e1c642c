"""`mlops audit at` and `mlops audit export`: what served at a moment, and the ledger as a file."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from backend.cli.output import json_option, print_json
from backend.cli.printable import printable
from backend.cli.session import backend
from backend.domain.serving import LedgerRow, ServedAt, Share
from backend.errors import NotPermitted
from backend.operations.auditing import served_by_file

WIDTH = 13


@click.command()
@click.argument("when")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Answer from an exported ledger alone.")
@json_option
def at(when: str, path: Path | None, as_json: bool) -> None:
    """What served production at WHEN, by whose approval, on which evidence.

    WHEN is 2026-11-23T14:05 in UTC, a moment with an offset such as 2026-11-23T14:05+01:00, or a day alone, which is
    answered for its beginning and for each change in it.
    """
    answers = backend().auditing.served(when) if path is None else served_by_file(path, when)
    if as_json:
        print_json(answers)
        return
    for answer in answers:
        _print(answer)


@click.command()
@click.option("--out", "path", type=click.Path(path_type=Path), required=True, help="The file to write; - for output.")
def export(path: Path) -> None:
    """Write the whole ledger as JSON lines that prove themselves: `mlops audit verify --file`."""
    auditing = backend().auditing
    if str(path) == "-":
        if sys.stdout.isatty():
            raise NotPermitted(
                "The ledger holds outside text that could steer a terminal: send it to a file or a pipe."
            )
        sys.stdout.buffer.writelines(auditing.export())
        return
    rows = auditing.save(path)
    click.echo(f"{path}: {rows} entries. Prove it anywhere with: mlops audit verify --file {path}")


def _print(answer: ServedAt) -> None:
    click.echo(f"{_utc(answer.moment)}  {printable(answer.sentence, 600)}")
    if answer.since is not None and answer.because is not None:
        _line("since", _utc(answer.since) + (", found so: it was set elsewhere" if answer.elsewhere else ""))
        _line("because", _row(answer.because))
    for share in answer.shares:
        _print_share(share)


def _print_share(share: Share) -> None:
    click.echo(f"  {share.deployment} {share.weight} %, with traffic since {_utc(share.since)}")
    if share.promoted is None:
        _line("unknown", "no promotion of this ledger brought it")
        return
    threshold = "-" if share.threshold is None else f"{share.threshold:g}"
    _line("model", f"{share.model} v{share.version}, {share.digest}, threshold {threshold}")
    change = f"pull request #{share.pull_request}" if share.pull_request else "no pull request recorded"
    _line("change", f"commit {share.commit or '-'}, {change}" + (f" by {share.author}" if share.author else ""))
    _line("promoted", _row(share.promoted))
    for approval in share.approved:
        _line("approved", _row(approval))
    if not share.approved:
        _line("approved", "no approval recorded before it")
    for row in share.evidence:
        _line("evidence", f"{row.action.removeprefix('evidence.')} {row.told} ({_place(row)})")


def _row(row: LedgerRow) -> str:
    return f"{row.actor}, {_utc(row.at)}: {row.reason or row.action} ({_place(row)})"


def _place(row: LedgerRow) -> str:
    return f"entry {row.sequence}, {row.hash}"


def _line(name: str, text: str) -> None:
    click.echo(f"    {name:<{WIDTH}}{printable(text, 600)}")


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
