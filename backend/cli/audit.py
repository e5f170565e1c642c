"""`mlops audit`: the ledger, and whether its chain is whole."""

from __future__ import annotations

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.session import backend
from backend.domain.audit import AuditKind
from backend.errors import CorruptState

KINDS = {kind.value.replace(" ", "-"): kind for kind in AuditKind}


@click.group()
def audit() -> None:
    """Who did what, when and why."""


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--subject", default="", help="Only this subject, such as model/diabetes-classifier:2.")
@click.option("--actor", default="", help="Only this actor.")
@click.option("--kind", "kinds", type=click.Choice(list(KINDS)), multiple=True, help="Only these kinds of act.")
@json_option
def list_entries(limit: int, subject: str, actor: str, kinds: tuple[str, ...], as_json: bool) -> None:
    """The newest entries first."""
    chosen = [KINDS[kind] for kind in kinds]
    entries = backend().ledger.entries(limit=limit, subject=subject, actor=actor, kinds=chosen)
    if as_json:
        print_json(entries)
        return
    print_table(
        ("#", "When", "Who", "What", "Subject", "Why"),
        ((e.sequence, moment(e.at), f"{e.actor} ({e.channel})", e.action, e.subject, e.reason) for e in entries),
        "The ledger is empty: it begins with the first sign-in, setup or decision.",
    )


@audit.command()
@json_option
def verify(as_json: bool) -> None:
    """Walk the hash chain from the first entry to the last."""
    report = backend().ledger.verify()
    if as_json:
        print_json(report)
    if not report.whole:
        raise CorruptState(f"The ledger is not whole: {report.problem}. Stop the worker and call an administrator.")
    if not as_json:
        click.echo(f"Whole: {report.entries} entries")
