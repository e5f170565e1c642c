"""`mlops approvers`: who has to approve, and who stands in for whom until when."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.settings import load


@click.group()
def approvers() -> None:
    """Who has to approve a version."""


@approvers.command("list")
@json_option
def list_approvers(as_json: bool) -> None:
    """The rules as they are set, and every delegation, newest first."""
    known = backend()
    rules, delegations = known.approvers.rules(), known.approvers.delegations()
    if as_json:
        print_json(
            {"rules": rules, "delegations": [{**d.model_dump(mode="json"), "active": on} for d, on in delegations]}
        )
        return
    click.echo(f"Approvals needed: {rules.quorum}; each ends after {rules.expiry_days:g} days")
    click.echo(f"Required: {', '.join(rules.required) or 'nobody by name'}")
    print_table(
        ("Delegation", "Of", "To", "Until", "Holds", "Why"),
        (
            (d.id, d.person, d.delegate, moment(d.until), "yes" if on else "no", printable(d.reason, 200))
            for d, on in delegations
        ),
        "Nobody stands in for anybody.",
    )


@approvers.command()
@click.option("--to", "name", required=True, help="The account that stands in for you.")
@click.option("--until", required=True, help="The last day, or the moment (UTC without an offset) it ends.")
@click.option("--reason", required=True, help="Kept in the ledger for ever.")
@json_option
def delegate(name: str, until: str, reason: str, as_json: bool) -> None:
    """Let somebody stand in for you where a rule asks for you by name."""
    known = backend()
    actor = current_actor(load(), known)
    made = known.approvers.delegate(actor, name, end_of(until), reason, str(uuid.uuid4()))
    if as_json:
        print_json(made)
    else:
        click.echo(f"{made.delegate} stands in for {made.person} until {made.until:%Y-%m-%d %H:%M} UTC: {made.id}")


@approvers.command()
@click.argument("delegation")
@click.option("--reason", required=True, help="Kept in the ledger for ever.")
def revoke(delegation: str, reason: str) -> None:
    """End a delegation at once."""
    known = backend()
    ended = known.approvers.revoke(current_actor(load(), known), delegation, reason)
    click.echo(f"{ended.delegate} no longer stands in for {ended.person}")


def end_of(until: str) -> datetime:
    """A day is meant to its end; a moment without an offset is UTC. Raises click's BadParameter."""
    try:
        if len(until) == len("2026-12-24"):
            return datetime.combine(date.fromisoformat(until), time(), UTC) + timedelta(days=1)
        moment_ = datetime.fromisoformat(until)
    except ValueError as error:
        raise click.BadParameter(f"{until!r} is neither a day (2026-12-24) nor a moment (2026-12-24T18:00)") from error
    return moment_.astimezone(UTC) if moment_.tzinfo else moment_.replace(tzinfo=UTC)
