"""`mlops runs compare | note | label | pin | unmark | remarks`: runs side by side, and what is said of them."""

from __future__ import annotations

import uuid

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.domain.comparison import METRIC_NAMES
from backend.domain.run_remarks import Remark, RemarkKind
from backend.domain.runs import RunDifference
from backend.errors import NotFound
from backend.settings import load


@click.command()
@click.argument("baseline")
@click.argument("runs", nargs=-1, required=True)
@json_option
def compare(baseline: str, runs: tuple[str, ...], as_json: bool) -> None:
    """Each of RUNS against BASELINE on the same holdout rows; all named workspace/run."""
    known = backend()
    known.runs.refresh()
    found = known.run_comparisons.differences(baseline, runs)
    missing = sorted(set(runs) - {difference.key for difference in found} - {baseline})
    if missing:
        raise NotFound(f"No run {missing[0]} is known.")
    if as_json:
        print_json(found)
        return
    print_table(
        ("Run", "Metric", "Baseline", "Run's", "Difference", "95 %", "Verdict", "Rows"),
        (row for difference in found for row in _lines(difference)),
        "There is nothing to compare with the baseline.",
    )


def _lines(found: RunDifference) -> list[tuple[str, ...]]:
    if found.problem:
        return [(found.key, "-", "-", "-", "-", "-", printable(found.problem), "-")]
    return [
        (
            found.key,
            METRIC_NAMES.get(d.metric, d.metric),
            f"{d.champion:.4f}",
            f"{d.challenger:.4f}",
            f"{d.difference:+.4f}",
            f"{d.low:+.4f} to {d.high:+.4f}",
            d.verdict.value,
            f"{found.rows:,}",
        )
        for d in found.differences
    ]


@click.command()
@click.argument("workspace")
@click.argument("run")
@click.argument("text")
def note(workspace: str, run: str, text: str) -> None:
    """Write a note about a run; the ledger keeps it."""
    _add(RemarkKind.NOTE, workspace, run, text)


@click.command()
@click.argument("workspace")
@click.argument("run")
@click.argument("text")
def label(workspace: str, run: str, text: str) -> None:
    """Give a run a label, found again as `label:TEXT`."""
    _add(RemarkKind.LABEL, workspace, run, text)


@click.command()
@click.argument("workspace")
@click.argument("run")
@click.option("--reason", required=True, help="Why it may become a release.")
def pin(workspace: str, run: str, reason: str) -> None:
    """Pin a run as a candidate, found again as `pinned:yes`."""
    _add(RemarkKind.PIN, workspace, run, reason)


@click.command()
@click.argument("remark")
@click.option("--reason", default="")
def unmark(remark: str, reason: str) -> None:
    """Take back a note, a label or a pin by its id."""
    settings, known = load(), backend()
    ended = known.run_remarks.end(current_actor(settings, known), remark, reason)
    click.echo(f"Removed: {ended.kind.value} of {ended.run}")


@click.command()
@click.argument("workspace")
@click.argument("run")
@json_option
def remarks(workspace: str, run: str, as_json: bool) -> None:
    """What is said of a run, newest first."""
    found = backend().run_remarks.of_run(workspace, run)
    if as_json:
        print_json(found)
        return
    print_table(
        ("Id", "Kind", "By", "At", "Text"),
        ((r.id, r.kind.value, r.by, moment(r.at), printable(r.text, 200)) for r in found),
        "Nothing is said of this run.",
    )


def _add(kind: RemarkKind, workspace: str, run: str, text: str) -> Remark:
    settings, known = load(), backend()
    actor = current_actor(settings, known)
    made = known.run_remarks.add(actor, kind, workspace, run, text, uuid.uuid4().hex)
    click.echo(f"{made.kind.value} {made.id} of {made.run}")
    return made
