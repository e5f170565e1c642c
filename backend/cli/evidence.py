"""`mlops evidence`: a decision judged again from the ledger."""

from __future__ import annotations

import click

from backend.cli.models import find_version
from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend

CHECK_FAILED = 1


@click.group()
def evidence() -> None:
    """What decisions were made on."""


@evidence.command()
@click.argument("version")
@click.option("--row", type=int, help="The ledger row of the decision; the newest one if none is named.")
@click.option("--offline", is_flag=True, help="Leave out what needs the runs' predictions.")
@json_option
@click.pass_context
def replay(context: click.Context, version: str, row: int | None, offline: bool, as_json: bool) -> None:
    """Judge a version again, bit for bit, from what its decision quoted; exit code 1 if anything differs."""
    known = backend()
    found = known.judging.replay(find_version(known, version), row, offline=offline)
    if as_json:
        print_json({**found.model_dump(mode="json"), "same": found.same})
    else:
        told = found.recorded
        click.echo(f"Decision of {told.actor} at {moment(told.at)}, ledger row {told.sequence}")
        print_table(
            ("Done again", "Result", "Detail"),
            ((line.what, _word(line.same), printable(line.detail, 300)) for line in found.lines),
            "Nothing was quoted.",
        )
        click.echo("The same, bit for bit." if found.same else "NOT the same: see above.")
    if not found.same:
        context.exit(CHECK_FAILED)


def _word(same: bool | None) -> str:
    return "not repeated" if same is None else "same" if same else "DIFFERENT"
