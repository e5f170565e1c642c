"""`mlops audit`: the ledger, and whether its chain is whole."""

from __future__ import annotations

from pathlib import Path

import click

from backend.cli.audit_answers import at, export
from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.session import backend
from backend.errors import CorruptState
from backend.operations.auditing import verified_file


@click.group()
def audit() -> None:
    """Who did what, when and why."""


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--subject", default="", help="Only this subject, such as model/diabetes-classifier:2.")
@click.option("--actor", default="", help="Only this actor.")
@json_option
def list_entries(limit: int, subject: str, actor: str, as_json: bool) -> None:
    """The newest entries first."""
    entries = backend().ledger.entries(limit=limit, subject=subject, actor=actor)
    if as_json:
        print_json(entries)
        return
    print_table(
        ("#", "When", "Who", "What", "Subject", "Why"),
        ((e.sequence, moment(e.at), f"{e.actor} ({e.channel})", e.action, e.subject, e.reason) for e in entries),
        "The ledger is empty: it begins with the first sign-in, setup or decision.",
    )


@audit.command()
@click.option("--file", "path", type=click.Path(path_type=Path), help="An exported ledger; needs no database.")
@json_option
def verify(path: Path | None, as_json: bool) -> None:
    """Walk the hash chain from the first entry to the last."""
    report = backend().ledger.verify() if path is None else verified_file(path)
    if as_json:
        print_json(report)
    if not report.whole:
        raise CorruptState(f"{_not_whole(path)}: {report.problem}. {_TO_DO[path is None]}")
    if not as_json:
        click.echo(f"Whole: {report.entries} entries")


_TO_DO = {True: "Stop the worker and call an administrator.", False: "Prove nothing by this file."}


def _not_whole(path: Path | None) -> str:
    return "The ledger is not whole" if path is None else f"{path.name} is not whole"


audit.add_command(at)
audit.add_command(export)
