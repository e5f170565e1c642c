"""`mlops pr`: review and merge pull requests as oneself; the worker performs the write."""

from __future__ import annotations

import time
import uuid

import click

from backend.cli.output import comparison_lines, json_option, print_json, print_table
from backend.cli.printable import printable, printable_text
from backend.cli.session import backend, current_actor
from backend.domain.gates import GATES_PATH
from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.domain.reviews import CheckState, PullRequestDetail
from backend.errors import NotFound, Rejected, RemoteUnavailable
from backend.settings import load


@click.group()
def pr() -> None:
    """Pull requests."""


@pr.command("list")
@json_option
def list_pulls(as_json: bool) -> None:
    """Open pull requests with their checks, and what each waits for."""
    pulls = backend().reviews.pulls()
    if as_json:
        print_json([{**pull.model_dump(mode="json"), "check_state": pull.check_state.value} for pull in pulls])
        return
    print_table(
        ("#", "Title", "Author", "Branch", "Checks", "Failing", "Waits for", "Who"),
        (
            (
                pull.number,
                printable(pull.title),
                pull.author,
                pull.head_ref,
                pull.check_state.value,
                ", ".join(c.name for c in pull.checks if c.state is CheckState.FAILED) or "-",
                pull.blockers[0].what if pull.blockers else "its merge",
                pull.blockers[0].who if pull.blockers else "anybody who may merge",
            )
            for pull in pulls
        ),
        "No open pull request: feature branches appear here once a pull request is opened from them.",
    )


@pr.command()
@click.argument("number", type=int)
@json_option
def show(number: int, as_json: bool) -> None:
    """Description, files, checks with their reasons, metrics against the champion, what blocks the merge."""
    detail = backend().reviews.pull(number)
    if as_json:
        print_json(detail)
        return
    pull = detail.summary
    click.echo(f"#{pull.number} {printable(pull.title)}  by {pull.author}, {detail.state}, head {pull.head_sha[:10]}")
    click.echo(printable_text(detail.body))
    for file in detail.files:
        click.echo(f"  {file.status:9} {printable(file.path)}  +{file.additions} -{file.deletions}")
    for check in pull.checks:
        required = " (required)" if check.required else ""
        click.echo(f"  {check.state.value:9} {printable(check.name)}{required}  {printable(check.title, 200)}")
        for problem in check.problems[1:]:
            click.echo(
                f"            {printable(f'{problem.path}:{problem.line}', 80)}  {printable(problem.message, 200)}"
            )
    if detail.changes_rules:
        click.echo(f"  ATTENTION: it changes {GATES_PATH}, the rules that judge models; read what becomes weaker")
    _echo_comparison(detail)
    for thread in detail.threads:
        state = "resolved" if thread.resolved else "open"
        said = thread.comments[0] if thread.comments else None
        words = f"{printable(said.author)}: {printable(said.body, 200)}" if said else ""
        click.echo(f"  discussion {state}: {printable(thread.path, 120)}:{thread.line or ''}  {words}")
    for blocker in detail.blockers:
        click.echo(f"  blocked: {printable(blocker.what)}: {printable(blocker.why, 300)} ({blocker.who})")


def _echo_comparison(detail: PullRequestDetail) -> None:
    if detail.comparison is None:
        click.echo("  metrics: not compared with the champion yet")
        return
    for line in comparison_lines(detail.comparison):
        click.echo(f"  {line}")


@pr.command()
@click.argument("number", type=int)
@click.option("--reason", required=True)
@click.option("--merge/--no-merge", "merging", default=False, help="Merge once approved.")
@json_option
def approve(number: int, reason: str, merging: bool, as_json: bool) -> None:
    """Approve the head commit as shown now; with --merge also merge it."""
    _record(IntentKind.APPROVE_AND_MERGE if merging else IntentKind.APPROVE, number, reason, as_json)


@pr.command()
@click.argument("number", type=int)
@click.option("--reason", required=True)
@json_option
def merge(number: int, reason: str, as_json: bool) -> None:
    """Merge a pull request that is approved and green."""
    _record(IntentKind.MERGE, number, reason, as_json)


@pr.command("request-changes")
@click.argument("number", type=int)
@click.option("--reason", required=True)
@json_option
def request_changes(number: int, reason: str, as_json: bool) -> None:
    """Ask the author for changes."""
    _record(IntentKind.REQUEST_CHANGES, number, reason, as_json)


@pr.command()
@click.argument("number", type=int)
@json_option
def rerun(number: int, as_json: bool) -> None:
    """Run the failed checks of the head commit again."""
    _record(IntentKind.RERUN, number, "The failed checks are run again.", as_json)


@pr.command()
@click.argument("number", type=int)
@click.argument("check")
def log(number: int, check: str) -> None:
    """The end of the log of a check, as of the head commit."""
    known = backend()
    found = [run for run in known.reviews.pull(number).summary.checks if run.name == check and run.job]
    if not found:
        raise NotFound(f"#{number} has no check {check!r} with a log: `mlops pr show {number}` lists its checks.")
    click.echo(printable_text(known.reviews.log(found[-1].job)))


def _record(kind: IntentKind, number: int, reason: str, as_json: bool) -> None:
    settings, known = load(), backend()
    actor = current_actor(settings, known)
    detail, key = known.reviews.pull(number), str(uuid.uuid4())
    pull = detail.summary
    intent = known.reviews.record(actor, kind, number, pull.head_sha, pull.author, reason, key, detail.commits)
    end = time.monotonic() + 120
    while intent.state in (IntentState.PENDING, IntentState.RUNNING):
        if time.monotonic() > end:
            raise RemoteUnavailable(
                f"The worker has not performed it yet ({intent.outcome or 'no word from it'}). It is recorded as "
                f"{intent.id} and will be done when a worker runs: `mlops worker`.",
                service="worker", operation=kind.value,
            )  # fmt: skip
        time.sleep(0.3)
        intent = known.reviews.intent(intent.id)
    _finish(intent, as_json)


def _finish(intent: Intent, as_json: bool) -> None:
    if as_json:
        print_json(intent)
    if intent.state is IntentState.FAILED:
        raise Rejected(intent.outcome)
    if not as_json:
        click.echo(printable_text(intent.outcome))
