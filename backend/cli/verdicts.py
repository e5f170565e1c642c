"""`mlops reject`, `request-changes`, `hold`, `quarantine`, `release-quarantine`: saying no, as easily as yes."""

from __future__ import annotations

import uuid

import click

from backend.cli.models import find_version
from backend.cli.output import json_option, print_json
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.operations.models import WhenServing
from backend.settings import load

reason_option = click.option("--reason", required=True, help="Kept in the ledger for ever.")
SERVING = {when.value.replace(" ", "-"): when for when in WhenServing}


@click.command()
@click.argument("version")
@reason_option
@click.option(
    "--serving",
    type=click.Choice(list(SERVING)),
    help="What becomes of production, if it serves there or is on its way.",
)
@json_option
def reject(version: str, reason: str, serving: str | None, as_json: bool) -> None:
    """Reject a model version; of one that serves or is being promoted, say what should happen."""
    known = backend()
    actor, found = current_actor(load(), known), find_version(known, version)
    when = SERVING[serving] if serving else None
    approval = known.models.reject(actor, found, reason, str(uuid.uuid4()), when)
    print_json(approval) if as_json else click.echo(f"Rejected v{approval.version}")


@click.command("request-changes")
@click.argument("version")
@reason_option
@json_option
def request_changes(version: str, reason: str, as_json: bool) -> None:
    """Say what the author should do first; the version waits for a new decision."""
    known = backend()
    actor, found = current_actor(load(), known), find_version(known, version)
    approval = known.models.request_changes(actor, found, reason, str(uuid.uuid4()))
    print_json(approval) if as_json else click.echo(f"Changes of v{approval.version} are requested")


@click.command()
@reason_option
@json_option
def hold(reason: str, as_json: bool) -> None:
    """Let no promotion begin on the production endpoint until a lead lifts the hold."""
    known = backend()
    held = known.steering.set_hold(current_actor(load(), known), reason)
    print_json(held) if as_json else click.echo(f"{held.endpoint} is on hold: {printable(held.reason, 400)}")


@click.command()
@click.argument("version")
@reason_option
@json_option
def quarantine(version: str, reason: str, as_json: bool) -> None:
    """Keep a version from running anywhere, by any path; a promotion of it that is under way is aborted."""
    known = backend()
    actor, found = current_actor(load(), known), find_version(known, version)
    held = known.quarantines.quarantine(actor, found, reason)
    if as_json:
        print_json(held)
        return
    click.echo(f"v{held.version} is in quarantine")
    stable = known.promotions.stable()
    if any(p.target.deployment == stable for p in known.models.dossier(found).promotions):
        click.echo("It serves production and goes on doing so: `mlops rollback` returns to the version before.")


@click.command()
@click.argument("version")
@reason_option
def retire(version: str, reason: str) -> None:
    """Put a version out of use for good: nothing brings it back."""
    known = backend()
    actor, found = current_actor(load(), known), find_version(known, version)
    known.quarantines.retire(actor, found, reason)
    click.echo(f"v{found.version} is retired")


@click.command("release-quarantine")
@click.argument("version")
@reason_option
def release_quarantine(version: str, reason: str) -> None:
    """Let a version be decided about again."""
    known = backend()
    actor, found = current_actor(load(), known), find_version(known, version)
    known.quarantines.release(actor, found, reason)
    click.echo(f"v{found.version} is released from quarantine")
