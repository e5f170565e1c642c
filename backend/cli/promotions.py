"""`mlops promotions`: what was deployed, and how far a promotion has come."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from backend.bootstrap import Backend
from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend
from backend.domain.analysis import read_checks
from backend.domain.clock import utc_now
from backend.domain.pace import Pace, calls_per_hour, pace
from backend.domain.promotions import Promotion, StepKind, StepRecord
from backend.domain.telemetry import Traffic
from backend.errors import BackendError

BIN_SECONDS = 60


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True)
@json_option
@click.pass_context
def promotions(context: click.Context, limit: int, as_json: bool) -> None:
    """Promotions, newest first."""
    if context.invoked_subcommand is not None:
        return
    found = backend().promotions.recent(limit)
    if as_json:
        print_json(found)
        return
    print_table(
        ("Promotion", "Kind", "Endpoint", "Version", "Phase", "Reason", "By", "Since"),
        (
            (
                p.id,
                p.kind.value,
                p.target.endpoint,
                p.target.version,
                p.phase.value,
                p.reason,
                p.requested_by,
                moment(p.created_at),
            )
            for p in found
        ),
        "No promotion yet: a newly registered version is staged on the test endpoint by the worker.",
    )  # fmt: skip


@promotions.command()
@click.argument("promotion_id")
@json_option
def show(promotion_id: str, as_json: bool) -> None:
    """A promotion step by step: what was measured against which limit, and how long what is left takes."""
    known = backend()
    found = known.promotions.get(promotion_id)
    left = ahead(found, known)
    if as_json:
        print_json({**found.model_dump(mode="json"), "ahead": [one.model_dump(mode="json") for one in left]})
        return
    click.echo(f"{found.kind.value} of v{found.target.version} on {found.target.endpoint}: {found.phase.value}")
    click.echo(printable(found.reason, 400))
    print_table(
        ("Step", "State", "Ended", "Reason"),
        ((step_name(r), r.state.value, moment(r.finished_at), printable(r.reason, 300)) for r in found.steps),
        "No step was planned.",
    )
    measured = next((r for r in reversed(found.steps) if r.output.get("checks")), None)
    if measured is not None:
        print_table(
            (f"{step_name(measured)}: measure", "Measured", "Limit", "n", "Result"),
            (
                (c.measure, c.measured, c.limit, c.n, c.health.value)
                for c in read_checks(str(measured.output["checks"]))
            ),
            "Nothing was measured.",
        )
    for one in left:
        click.echo(f"{'Mirror of ' if one.mirrored else ''}{one.weight} %: {one.sentence}.")


def step_name(record: StepRecord) -> str:
    words = record.step.kind.value.replace("_", " ")
    return words if record.step.weight is None else f"{words} {record.step.weight} %"


def ahead(promotion: Promotion, known: Backend) -> tuple[Pace, ...]:
    """The observations that have not ended, at the traffic of the last hour; none where that cannot be read."""
    waiting = [r.step for r in promotion.steps if r.step.kind.watches and r.finished_at is None and r.step.min_calls]
    watched = waiting and not promotion.phase.final
    traffic = last_hour(known, promotion.target.endpoint, utc_now()) if watched else None
    if traffic is None:
        return ()
    rate = calls_per_hour(traffic)
    mirrors = StepKind.OBSERVE_MIRROR
    return tuple(pace(s.weight or 0, s.min_calls, s.min_seconds, rate, mirrored=s.kind is mirrors) for s in waiting)


def last_hour(known: Backend, endpoint: str, now: datetime) -> Traffic | None:
    """The calls of the last hour; None where Azure Monitor does not answer, which a terminal is told."""
    try:
        return known.telemetry.traffic(endpoint, now - timedelta(hours=1), now, BIN_SECONDS)
    except BackendError as error:
        click.echo(f"The present traffic is not known: {printable(str(error), 300)}", err=True)
        return None
