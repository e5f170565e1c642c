"""`mlops runs start | retry | reproduce | requests`: what the worker is asked to run."""

from __future__ import annotations

import uuid

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.printable import printable
from backend.cli.session import backend, current_actor
from backend.domain.run_requests import RequestKind, RunRequest
from backend.policy.run_params import read_changes
from backend.settings import load

key_option = click.option("--key", default="", help="The same key again is the same request; made up if absent.")


@click.command()
@click.option("--branch", required=True)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE[,VALUE]",
    help="A parameter of training/params.toml; several values, or several of these, make a sweep.",
)
@click.option("--reason", required=True)
@key_option
@json_option
def start(branch: str, changes: tuple[str, ...], reason: str, key: str, as_json: bool) -> None:
    """Train a branch on the dev data, once or as a sweep over its parameters."""
    settings, known = load(), backend()
    actor = current_actor(settings, known)
    of = known.run_requests.startable(branch)
    _tell(known.run_requests.start(actor, of, read_changes(changes), reason, key or _new()), as_json)


@click.command()
@click.argument("workspace")
@click.argument("run")
@click.option("--reason", required=True)
@key_option
@json_option
def retry(workspace: str, run: str, reason: str, key: str, as_json: bool) -> None:
    """Run once more what failed or was cancelled."""
    _again(RequestKind.RETRY, workspace, run, reason, key, as_json=as_json)


@click.command()
@click.argument("workspace")
@click.argument("run")
@click.option("--reason", required=True)
@key_option
@json_option
def reproduce(workspace: str, run: str, reason: str, key: str, as_json: bool) -> None:
    """Run a completed run once more from the same commit, data and environment, to see whether it says the same."""
    _again(RequestKind.REPRODUCE, workspace, run, reason, key, as_json=as_json)


@click.command()
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@json_option
def requests(limit: int, as_json: bool) -> None:
    """What was asked for, newest first, and what came of it."""
    _tell(backend().run_requests.recent(limit), as_json)


def _again(kind: RequestKind, workspace: str, run: str, reason: str, key: str, *, as_json: bool) -> None:
    settings, known = load(), backend()
    actor = current_actor(settings, known)
    known.runs.refresh()
    _tell((known.run_requests.again(actor, kind, workspace, run, reason, key or _new()),), as_json)


def _new() -> str:
    return uuid.uuid4().hex


def _tell(found: tuple[RunRequest, ...], as_json: bool) -> None:  # as click gives it
    if as_json:
        print_json(found)
        return
    print_table(
        ("Asked", "By", "Kind", "Of", "Parameters", "State", "Run", "Outcome"),
        (
            (
                moment(one.at),
                one.by,
                one.kind.value,
                one.of_run or f"{one.branch}@{one.commit[:9]}",
                printable(" ".join(f"{name}={value}" for name, value in one.params.items()) or "-"),
                one.state.value,
                one.run or "-",
                printable(one.outcome or "-"),
            )
            for one in found
        ),
        "Nothing was asked for yet.",
    )
