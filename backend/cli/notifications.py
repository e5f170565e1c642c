"""`mlops notifications`: a person's inbox, and the targets that are told beside it."""

from __future__ import annotations

import click

from backend.cli.output import json_option, moment, print_json, print_table, short
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.settings import load


@click.group()
def notifications() -> None:
    """What people are told of: the inbox, and Teams or Slack."""


@notifications.command("list")
@click.option("--unread", is_flag=True, help="Only what you have not read.")
@json_option
def list_notifications(unread: bool, as_json: bool) -> None:
    """Your inbox, newest first."""
    settings, known = load(), backend()
    found = [told for told in known.inbox.of(current_actor(settings, known)) if not (unread and told.read)]
    if as_json:
        base = settings.console.public_url.rstrip("/")
        print_json([{**told.model_dump(mode="json"), "url": f"{base}{told.link}"} for told in found])
        return
    print_table(
        ("Entry", "When", "", "About", "What", "Digest", "Page"),
        (
            (t.sequence, moment(t.at), "" if t.read else "new", t.kind.value, t.sentence, short(t.digest), t.link)
            for t in found
        ),
        "Nothing: what waits for you or was decided stands here, from the ledger.",
    )


@notifications.command()
@click.argument("entries", type=int, nargs=-1)
@json_option
def read(entries: tuple[int, ...], as_json: bool) -> None:
    """Mark entries as read, or all of them."""
    settings, known = load(), backend()
    actor = current_actor(settings, known)
    chosen = entries or tuple(told.sequence for told in known.inbox.of(actor))
    known.inbox.read(actor, chosen)
    left = known.inbox.unread(actor)
    print_json({"unread": left}) if as_json else click.echo(f"{left} unread")


@notifications.command()
@json_option
def targets(as_json: bool) -> None:
    """Teams and Slack targets, what they are told of, and what could not be delivered."""
    settings, known = load(), backend()
    found = known.inbox.targets(current_actor(settings, known))
    if as_json:
        print_json(found)
        return
    print_table(
        ("Target", "Form", "Told of", "Sent", "Waiting", "Given up"),
        (
            (
                t.name,
                t.form,
                ", ".join(t.kinds),
                t.sent,
                t.waiting,
                "; ".join(f"{d.sequence}: {d.outcome}" for d in t.dead),
            )
            for t in found
        ),
        "No targets: [notifications.<name>] in mlops.toml names one.",
    )


@notifications.command()
@click.argument("target")
def test(target: str) -> None:
    """Send a target a message, now."""
    settings, known = load(), backend()
    known.inbox.test(current_actor(settings, known), target)
    click.echo(f"{printable(target)} took it.")


@notifications.command()
@click.argument("target")
@click.argument("entry", type=int)
@json_option
def retry(target: str, entry: int, as_json: bool) -> None:
    """Send again what was given up."""
    settings, known = load(), backend()
    taken = known.inbox.send_again(current_actor(settings, known), entry, target)
    print_json(taken) if as_json else click.echo(f"Entry {taken.sequence} will be sent to {printable(target)} again.")
