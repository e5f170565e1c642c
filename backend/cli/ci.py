"""`mlops ci`: the quality checks that workflows call. Each prints what it found and ends with 1 if it says no.

What is in this file needs requirements/ci.txt alone, which a hosted runner installs in seconds; commands that reach a
cloud are in ci_runs.py and are imported when they are called.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from backend.cli import quality
from backend.cli.lazy import LazyGroup
from backend.cli.source import TRAINING, WORKFLOWS, changed_paths, touches, touches_product
from backend.cli.workflow import variable

GOOD = ("success", "skipped")


LATER = {**dict.fromkeys(("data", "train", "report"), "backend.cli.ci_runs"), "workflows": "backend.cli.ci_workflows"}


@click.group(cls=LazyGroup, later=LATER)
def ci() -> None:
    """Quality checks of a pull request."""


@ci.command()
def changes() -> None:
    """Which parts a pull request touches, as outputs of the workflow step."""
    paths = changed_paths(Path.cwd(), variable("BASE_SHA"))
    found = {
        "training": touches(paths, TRAINING),
        "product": touches_product(paths),
        "workflows": touches(paths, WORKFLOWS),
    }
    lines = [f"{name}={str(value).lower()}" for name, value in found.items()]
    click.echo("\n".join([f"{len(paths)} changed files", *lines]))
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a") as stream:
            stream.write("\n".join(lines) + "\n")


@ci.command()
@click.pass_context
def lint(context: click.Context) -> None:
    """Ruff over training/ and its tests."""
    problems = quality.lint(Path.cwd())
    quality.annotate(problems)
    click.echo("No lint errors" if not problems else f"{len(problems)} lint errors")
    context.exit(1 if problems else 0)


@ci.command()
@click.pass_context
def unit(context: click.Context) -> None:
    """The unit tests of training/."""
    problems, summary = quality.unit(Path.cwd())
    quality.annotate(problems)
    click.echo(summary)
    context.exit(1 if problems else 0)


@ci.command()
@click.pass_context
def gate(context: click.Context) -> None:
    """The one required check: every job before it succeeded or had nothing to do."""
    needs = json.loads(variable("NEEDS"))
    bad = sorted(name for name, job in needs.items() if job["result"] not in GOOD)
    for name in bad:
        quality.annotate([quality.Problem(".github", 1, "quality-gate", f"{name}: {needs[name]['result']}")])
    click.echo("; ".join(f"{name}: {job['result']}" for name, job in sorted(needs.items())))
    context.exit(1 if bad else 0)
