"""`mlops break-glass`: two people go past named hard gates for a while."""

from __future__ import annotations

import uuid

import click

from backend.cli.models import find_version
from backend.cli.output import json_option, print_json
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.settings import load

reason_option = click.option("--reason", required=True, help="Kept in the ledger for ever.")


@click.group("break-glass")
def break_glass() -> None:
    """Go past hard gates that did not pass: one lead asks, a second one confirms, both for a reason."""


@break_glass.command()
@click.argument("version")
@click.option(
    "--gate", "gates", multiple=True, required=True, metavar="GATE", help="A hard gate to go past; repeatable."
)
@click.option("--hours", type=float, required=True, help="How long it is open, counted from now.")
@reason_option
@json_option
def ask(version: str, gates: tuple[str, ...], hours: float, reason: str, as_json: bool) -> None:
    """Ask for it. Nothing opens before a second person confirms."""
    known = backend()
    actor, found = current_actor(load(), known), find_version(known, version)
    asked = known.overrides.ask(actor, found, gates, reason, hours, str(uuid.uuid4()))
    if as_json:
        print_json(asked)
    else:
        click.echo(f"Asked: {asked.id}. Another lead confirms it before {asked.ends_at:%Y-%m-%d %H:%M} UTC.")


@break_glass.command()
@click.argument("version")
@click.argument("request")
@reason_option
@json_option
def confirm(version: str, request: str, reason: str, as_json: bool) -> None:
    """Confirm what another lead asked for."""
    known = backend()
    actor, found = current_actor(load(), known), find_version(known, version)
    agreed = known.overrides.confirm(actor, found, request, reason)
    if as_json:
        print_json(agreed)
    else:
        click.echo(f"Open until {agreed.ends_at:%Y-%m-%d %H:%M} UTC for {', '.join(agreed.gates)}.")


@break_glass.command()
@click.argument("request")
@reason_option
def end(request: str, reason: str) -> None:
    """Close it before its time, or refuse it."""
    known = backend()
    known.overrides.end(current_actor(load(), known), request, reason)
    click.echo("It is closed")


@break_glass.command("list")
@click.argument("version")
@json_option
def list_requests(version: str, as_json: bool) -> None:
    """Every request about a version, newest first."""
    known = backend()
    told = known.overrides.told(known.models.dossier(find_version(known, version)))
    if as_json:
        print_json([{**o.model_dump(mode="json"), "open": on, "said": said} for o, said, on in told])
        return
    for override, said, _ in told:
        click.echo(f"{override.id}: {printable(said, 900)}")
    if not told:
        click.echo("Nobody has asked to go past a gate for this version.")
