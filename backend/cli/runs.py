"""`mlops runs`: training runs of both workspaces."""

from __future__ import annotations

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable, printable_text
from backend.cli.runs_asked import reproduce, requests, retry, start
from backend.cli.runs_said import compare, label, note, pin, remarks, unmark
from backend.cli.session import backend, current_actor
from backend.domain.run_search import NEWEST, Search
from backend.settings import load


@click.group()
def runs() -> None:
    """Runs and their results."""


@runs.command("list")
@click.option("--limit", type=click.IntRange(1, 5_000), default=50, show_default=True)
@click.option(
    "--search",
    default="",
    help="As in the console: words, `auc>0.9 author:ann`, or MLflow's filter syntax.",
)
@click.option("--sort", default=NEWEST, show_default=True, help="A column; `-` before it begins with the largest.")
@click.option("--page", type=click.IntRange(min=1), default=1, show_default=True)
@json_option
def list_runs(limit: int, search: str, sort: str, page: int, as_json: bool) -> None:
    """Newest first, of every run that the tracking service knows."""
    known = backend().runs
    # A first walk through ten thousand runs takes a minute; what it has read is kept and shown meanwhile.
    state = known.refresh(seconds=60)
    found = known.find(Search(text=search, sort=sort, page=page, size=limit))
    if as_json:
        print_json(list(found.runs))
        return
    print_table(
        ("Run", "Workspace", "State", "Purpose", "AUC", "Commit", "PR", "Author", "Started"),
        (
            (
                run.id,
                run.workspace,
                run.state.value,
                run.tags.get("purpose", "-"),
                f"{run.metrics['auc']:.4f}" if "auc" in run.metrics else "-",
                run.commit[:10],
                run.pull_request or "-",
                run.author,
                moment(run.started_at),
            )
            for run in found.runs
        ),
        "No run matches." if search else "No run yet: a pull request that touches training/ starts some.",
    )
    if found.pages > 1:
        click.echo(f"Page {found.page} of {found.pages}: {found.total:,} runs; --page and --limit show others.")
    if not state.complete:
        click.echo("Not every run has been read yet; this shows those that were.")


@runs.command()
@click.argument("workspace")
@click.argument("run")
@json_option
def show(workspace: str, run: str, as_json: bool) -> None:
    """One run with its parameters, metrics and the end of its log."""
    detail = backend().runs.detail(workspace, run)
    if as_json:
        print_json(detail)
        return
    click.echo(f"{printable(detail.run.name)}: {detail.run.state.value} {printable(detail.error, 400)}".rstrip())
    for title, values in (
        ("Parameters", detail.run.params),
        ("Metrics", detail.run.metrics),
        ("Tags", detail.run.tags),
    ):
        click.echo(title)
        for name, value in sorted(values.items()):
            click.echo(f"  {printable(name)}: {printable(str(value))}")
    click.echo(f"Log\n{printable_text(detail.log_tail)}")


@runs.command()
@click.argument("workspace")
@click.argument("run")
@click.option("--reason", required=True)
def cancel(workspace: str, run: str, reason: str) -> None:
    """Ask Azure ML to stop a run."""
    settings, known = load(), backend()
    known.runs.cancel(current_actor(settings, known), workspace, run, reason)
    click.echo(f"Cancelling {run}")


for _command in (start, retry, reproduce, requests, compare, note, label, pin, unmark, remarks):
    runs.add_command(_command)
