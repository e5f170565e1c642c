"""`mlops drill`: have every control tried, and see what came of it. Exit code 1 where one was not refused."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable

import click

from backend.bootstrap import Backend
from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.session import backend, current_actor
from backend.domain.drills import ControlStanding, Drill, DrillResult, DrillState, Outcome
from backend.errors import RemoteUnavailable
from backend.settings import load

WAIT_SECONDS = 1200.0
LOOK_SECONDS = 1.0
MARKS = {Outcome.REFUSED: "=", Outcome.NOT_REFUSED: "!", Outcome.ABSENT: "-", Outcome.UNKNOWN: "?"}


@click.group()
def drill() -> None:
    """Try the controls against the live setup, harmlessly; each has to refuse."""


@drill.command()
@click.option("--wait/--no-wait", default=True, help="Show each control as it is tried, until the drill has ended.")
@json_option
def run(wait: bool, as_json: bool) -> None:
    """Ask the worker for a drill now. While one waits or runs, that one is followed."""
    settings, known = load(), backend()
    begun = known.drills.run(current_actor(settings, known), str(uuid.uuid4()))
    if wait:
        begun = _followed(known, begun, quiet=as_json)
    results = known.drills.results(begun.id)
    if as_json:
        print_json({"drill": begun, "results": list(results)})
    else:
        click.echo(f"Drill {begun.id} {begun.state.value}: {begun.note or begun.progress}")
    _leave(results)


@drill.command("list")
@json_option
def list_controls(as_json: bool) -> None:
    """Every control: its latest result, when it was last refused, and what was tried."""
    known = backend()
    standing = known.drills.standing()
    if as_json:
        print_json({"drill": known.drills.latest(), "controls": list(standing)})
    else:
        heads = ("", "Control", "Result", "Last refused", "Tried", "Tried as", "What came of it")
        print_table(heads, map(_row, standing), "No control is known.")
    _leave(one.latest for one in standing if one.latest is not None)


def _followed(known: Backend, begun: Drill, *, quiet: bool) -> Drill:
    """Say each result as it comes. Raises RemoteUnavailable where no worker has ended it in time."""
    told: set[str] = set()
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        now = known.drills.get(begun.id)
        for result in known.drills.results(begun.id):
            if result.control.value not in told and not quiet:
                click.echo(f"{MARKS[result.outcome]} {result.control.value}: {result.outcome.value}. {_said(result)}")
            told.add(result.control.value)
        if now.state is DrillState.DONE:
            return now
        time.sleep(LOOK_SECONDS)
    raise RemoteUnavailable(
        f"No worker has ended drill {begun.id} within {WAIT_SECONDS / 60:.0f} min: is `mlops worker` running? "
        "`mlops drill list` tells what has come of it.",
        service="worker",
        operation="drill",
    )


def _row(standing: ControlStanding) -> tuple[str, ...]:
    latest = standing.latest
    if latest is None:
        return "", standing.control.value, "never tried", "-", "-", "-", ""
    return (
        MARKS[latest.outcome],
        standing.control.value,
        latest.outcome.value,
        moment(standing.refused_at),
        moment(latest.at),
        latest.tried_as,
        _said(latest),
    )


def _said(result: DrillResult) -> str:
    left = f"Left behind: {result.left}." if result.left else ""
    return " ".join(part for part in (result.told, result.instead, left) if part)


def _leave(results: Iterable[DrillResult]) -> None:
    if any(result.outcome is Outcome.NOT_REFUSED for result in results):
        raise click.exceptions.Exit(1)
