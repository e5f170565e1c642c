"""`mlops adopt`: take over an endpoint that serves already."""

from __future__ import annotations

import click

from backend.cli.output import json_option, print_json
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.settings import load


@click.command()
@click.option("--reason", required=True, help="Kept in the ledger for ever.")
@json_option
def adopt(reason: str, as_json: bool) -> None:
    """Record what serves production as the champion, under the name it has. Nothing on the endpoint is changed."""
    from backend.bootstrap_checkup import build_adopting

    settings = load()
    promotion = build_adopting(settings).adopt(current_actor(settings, backend()), reason)
    if as_json:
        print_json(promotion)
        return
    target = promotion.target
    click.echo(f"Adopted v{target.version}, deployment {printable(target.deployment)} ({target.digest}).")
    click.echo("It is shown as unproven. The next candidate, or the one that waits, is evaluated against it.")
