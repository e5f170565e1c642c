"""`mlops train`: train on production data and, with --register, hand the version over through the registry."""

from __future__ import annotations

import os
from pathlib import Path

import click

from backend.bootstrap import build_ci
from backend.cli.output import json_option, print_json
from backend.cli.source import head_commit, subject_of_push
from backend.domain.runs import RunState
from backend.settings import load


def add_to(group: click.Group) -> None:
    group.add_command(train)


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
    parts = build_ci(settings, settings.project.prod_workspace)
    root = Path.cwd()
    subject = subject_of_push(root, head_commit(root), parts.github_token(os.environ), settings)
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
