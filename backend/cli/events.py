"""`mlops events`: what happened outside the console, who looks into it, and what it was."""

from __future__ import annotations

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.domain.unexplained import UnexplainedEvent
from backend.settings import load


@click.group()
def events() -> None:
    """Unexplained events: traffic, keys, deployments, models, merges and rules changed elsewhere."""


@events.command("list")
@click.option("--all", "everything", is_flag=True, help="Explained ones too.")
@json_option
def list_events(everything: bool, as_json: bool) -> None:
    """Those that nobody has explained yet, newest first."""
    settings, known = load(), backend()
    found = known.events.list(current_actor(settings, known))
    shown = [event for event in found if everything or event.unexplained]
    if as_json:
        print_json(shown)
        return
    print_table(
        ("Id", "First seen", "State", "Owner", "What", "Resolved"),
        (
            (
                event.id,
                moment(event.first_seen),
                event.state.value,
                event.owner or "-",
                event.sentence,
                moment(event.resolved_at),
            )
            for event in shown
        ),
        "Nothing is unexplained: what serves, and how it came there, is what the ledger says.",
    )


@events.command()
@click.argument("event_id")
@click.option("--reason", required=True, help="What you will do about it.")
@json_option
def take(event_id: str, reason: str, as_json: bool) -> None:
    """Become the one who looks into an event."""
    settings, known = load(), backend()
    _told(known.events.take(current_actor(settings, known), event_id, reason), as_json)


@events.command()
@click.argument("event_id")
@click.option("--reason", required=True, help="What it was: the ledger keeps it for ever.")
@json_option
def explain(event_id: str, reason: str, as_json: bool) -> None:
    """Say what an event was, which closes it."""
    settings, known = load(), backend()
    _told(known.events.explain(current_actor(settings, known), event_id, reason), as_json)


def _told(event: UnexplainedEvent, as_json: bool) -> None:
    if as_json:
        print_json(event)
        return
    by = event.explained_by or event.owner
    click.echo(f"{event.id}: {event.state.value} by {printable(by)}")
