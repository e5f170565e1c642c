"""`mlops labels`: outcomes that come days after an answer."""

from __future__ import annotations

from pathlib import Path

import click

from backend.cli.output import json_option, print_json
from backend.cli.session import backend, current_actor
from backend.settings import load


@click.group()
def labels() -> None:
    """What turned out, keyed by the request that asked."""


@labels.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def import_labels(file: Path, as_json: bool) -> None:
    """Import a CSV of request_id, outcome and, for several rows in one request, row. The same file twice is one."""
    settings, known = load(), backend()
    told = known.labels.take_in(current_actor(settings, known), file.name, file.read_bytes())
    if as_json:
        print_json(told)
        return
    click.echo(f"{told.rows:,} outcomes: {told.added:,} new, {told.changed:,} corrected, {told.known:,} known already.")
    click.echo("The worker finds the answers that they belong to at its next look.")
