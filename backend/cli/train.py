"""`mlops train`: train on production data and, with --register, hand the version over through the registry."""

from __future__ import annotations

import os
from pathlib import Path

import click

from backend.bootstrap_ci import CiParts, build_ci
from backend.cli.output import json_option, print_json
from backend.cli.source import author_of, head_commit
from backend.domain.runs import RunState
from backend.operations.training import Subject
from backend.settings import load


def progress(state: RunState, seconds: float) -> None:
    if int(seconds) % 10 == 0:
        click.echo(f"{state.value}, {seconds:.0f} s", err=True)


@click.command()
@click.option("--register", "registering", is_flag=True, help="Register the model with its lineage.")
@click.option("--timeout", type=float, default=3000.0, show_default=True, help="Seconds to wait for the run.")
@json_option
def train(registering: bool, timeout: float, as_json: bool) -> None:
    """Train this checkout's training/ on the production data asset."""
    settings = load()
    parts = build_ci(settings, settings.project.prod_workspace, os.environ.get("GITHUB_TOKEN", ""))
    root = Path.cwd()
    subject = _subject(parts, root, head_commit(root))
    data = parts.training.data()
    name = parts.training.train(root, subject, data)
    click.echo(f"Run {name} on {data.name}:{data.version}", err=True)
    parts.training.wait(name, timeout, progress)
    if not registering:
        print_json({"run": name}) if as_json else click.echo(f"Completed: {name}")
        return
    version = parts.training.register(name, subject, data)
    if as_json:
        print_json(version)
    else:
        click.echo(f"Registered {version.name} v{version.version}, {version.digest}")


def _subject(parts: CiParts, root: Path, commit: str) -> Subject:
    """What main's head is about: the pull request whose merge it is, or the first push."""
    pull = parts.pulls.of_commit(commit)
    return Subject(
        purpose="retrain",
        commit=commit,
        pull_request=str(pull.number) if pull else "",
        branch=pull.head_ref if pull else "main",
        author=pull.author if pull else author_of(root, commit),
    )
