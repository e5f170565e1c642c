"""`mlops alerts`: what fires, who looks after it, and what it was."""

from __future__ import annotations

import uuid

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.domain.alerts import Alert, AlertState
from backend.settings import load


@click.group()
def alerts() -> None:
    """Alerts of the production endpoint, their silences, and the objectives behind them."""


@alerts.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@json_option
def list_alerts(everything: bool, as_json: bool) -> None:
    """Those that nobody has closed yet, newest first."""
    settings, known = load(), backend()
    found = known.alerts.list(current_actor(settings, known))
    shown = [alert for alert in found if everything or alert.state is not AlertState.CLOSED]
    if as_json:
        base = settings.console.public_url.rstrip("/")
        print_json([_document(alert, base) for alert in shown])
        return
    print_table(
        ("Id", "Raised", "State", "Owner", "What", "Fires"),
        (
            (
                alert.id,
                moment(alert.raised_at),
                alert.state.value,
                alert.owner or "-",
                alert.words,
                "now" if alert.firing else moment(alert.quiet_since),
            )
            for alert in shown
        ),
        "Nothing fires, and every alert has its outcome.",
    )


@alerts.command()
@click.argument("alert_id")
@json_option
def ack(alert_id: str, as_json: bool) -> None:
    """Say that you have seen an alert: it is not told again."""
    settings, known = load(), backend()
    _told(known.alerts.ack(current_actor(settings, known), alert_id), as_json)


@alerts.command()
@click.argument("alert_id")
@click.option("--reason", required=True, help="What you will do about it.")
@json_option
def own(alert_id: str, reason: str, as_json: bool) -> None:
    """Become the one who looks after an alert."""
    settings, known = load(), backend()
    _told(known.alerts.own(current_actor(settings, known), alert_id, reason), as_json)


@alerts.command()
@click.argument("alert_id")
@click.option("--outcome", required=True, help="What it was and what was done: the ledger keeps it for ever.")
@json_option
def close(alert_id: str, outcome: str, as_json: bool) -> None:
    """Close an alert that is calm."""
    settings, known = load(), backend()
    _told(known.alerts.close(current_actor(settings, known), alert_id, outcome), as_json)


@alerts.command()
@click.argument("covers")
@click.option("--hours", type=float, required=True, help="How long; at most a week.")
@click.option("--reason", required=True, help="Why nobody has to hear of it.")
@json_option
def silence(covers: str, hours: float, reason: str, as_json: bool) -> None:
    """Tell nobody of alerts whose key begins with COVERS: RULE/ENDPOINT or RULE/ENDPOINT/SUBJECT, or `all`."""
    settings, known = load(), backend()
    key = "" if covers == "all" else covers
    made = known.alerts.silence(current_actor(settings, known), key, hours, reason, uuid.uuid4().hex)
    if as_json:
        print_json(made)
        return
    click.echo(f"{made.id}: {printable(made.covers or 'everything')} is silent until {moment(made.until)}")


@alerts.command()
@click.argument("silence_id")
@click.option("--reason", required=True, help="Why it ends before its time.")
@json_option
def lift(silence_id: str, reason: str, as_json: bool) -> None:
    """End a silence before its time."""
    settings, known = load(), backend()
    ended = known.alerts.lift(current_actor(settings, known), silence_id, reason)
    print_json(ended) if as_json else click.echo(f"{ended.id} has ended.")


@alerts.command()
@json_option
def silences(as_json: bool) -> None:
    """What nobody is told of now, and until when."""
    settings, known = load(), backend()
    current_actor(settings, known)
    found = known.alerts.silences()
    if as_json:
        print_json(found)
        return
    print_table(
        ("Id", "Covers", "Until", "By", "Reason"),
        ((one.id, one.covers or "everything", moment(one.until), one.by, one.reason) for one in found),
        "Nothing is silenced.",
    )


@alerts.command()
@click.argument("rule")
def runbook(rule: str) -> None:
    """What to do about the alerts of a rule."""
    settings, known = load(), backend()
    current_actor(settings, known)
    click.echo(known.alerts.runbook(rule).rstrip())


def _document(alert: Alert, base: str) -> dict[str, object]:
    """With the address of the chart that shows it."""
    derived = {"key": alert.key, "firing": alert.firing, "runbook": alert.runbook}
    return {**alert.model_dump(mode="json"), **derived, "url": f"{base}/monitoring?{alert.chart}"}


def _told(alert: Alert, as_json: bool) -> None:
    if as_json:
        print_json(alert)
        return
    by = alert.closed_by or alert.owner or alert.acknowledged_by
    click.echo(f"{alert.id}: {alert.state.value} by {printable(by)}")
