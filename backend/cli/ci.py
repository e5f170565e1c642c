"""`mlops ci`: the quality checks that workflows call. Each prints what it found and ends with 1 if it says no."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import click

from backend.bootstrap import CiParts, build_ci
from backend.cli import quality
from backend.cli.source import TRAINING, author_of, changed_paths, extract, touches, touches_product
from backend.cli.train import progress
from backend.domain.clock import utc_now
from backend.errors import BackendError, Invalid
from backend.operations.report import TrainedPair, compare, publish
from backend.operations.training import Subject
from backend.settings import load

GOOD = ("success", "skipped")


@click.group()
def ci() -> None:
    """Quality checks of a pull request."""


@ci.command()
def changes() -> None:
    """Which parts a pull request touches, as outputs of the workflow step."""
    paths = changed_paths(Path.cwd(), _variable("BASE_SHA"))
    found = {"training": touches(paths, TRAINING), "product": touches_product(paths)}
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
def data() -> None:
    """The data asset against the schema of this checkout, by a run in the dev workspace."""
    parts = _parts()
    asset = parts.training.data()
    with _told():
        name = parts.training.check_data(Path.cwd(), _subject("data check"), asset)
        parts.training.wait(name, 900, progress)
    click.echo(f"{asset.name}:{asset.version} fits the schema ({asset.digest})")


@ci.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def train(out: Path) -> None:
    """Train this change and the champion's commit on the same dev data."""
    parts, root = _parts(), Path.cwd()
    asset, subject = parts.training.data(), _subject("pull request")
    champion = parts.deployments.latest("production") or _event()["pull_request"]["base"]["sha"]
    click.echo(f"Champion is {champion[:10]}, data {asset.name}:{asset.version}")
    with _told(), tempfile.TemporaryDirectory() as folder:
        source = extract(root, champion, Path(folder))
        origin = Subject(
            purpose="champion", commit=champion, pull_request="", branch="main", author=author_of(root, champion)
        )
        names = [parts.training.train(root, subject, asset), parts.training.train(source, origin, asset)]
        for name in names:
            parts.training.wait(name, 2400, progress)
    pair = TrainedPair(champion, names[1], subject.commit, names[0], f"{asset.name}:{asset.version}", asset.digest)
    out.write_text(pair.to_json())
    click.echo(f"Trained {names[0]} and {names[1]}")


@ci.command()
@click.option("--runs", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
def report(file: Path) -> None:
    """Compare both runs on their common holdout and write the check run."""
    parts = _parts()
    with _told():
        comparison = compare(parts.jobs, TrainedPair.from_json(file.read_text()), utc_now())
        click.echo(publish(parts.checks, _event()["pull_request"]["head"]["sha"], comparison))


@ci.command()
@click.pass_context
def gate(context: click.Context) -> None:
    """The one required check: every job before it succeeded or had nothing to do."""
    needs = json.loads(_variable("NEEDS"))
    bad = sorted(name for name, job in needs.items() if job["result"] not in GOOD)
    for name in bad:
        quality.annotate([quality.Problem(".github", 1, "quality-gate", f"{name}: {needs[name]['result']}")])
    click.echo("; ".join(f"{name}: {job['result']}" for name, job in sorted(needs.items())))
    context.exit(1 if bad else 0)


class _told:  # noqa: N801  # reads as a word in `with`
    """Tell a refusal as an annotation too, so that the check run carries the sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BackendError):
            quality.annotate([quality.Problem("training", 1, "training", str(error))])


def _parts() -> CiParts:
    settings = load()
    return build_ci(settings, settings.project.dev_workspace, os.environ.get("GITHUB_TOKEN", ""))


def _subject(purpose: str) -> Subject:
    """The pull request this runs for; its head commit, not the test merge that is checked out."""
    pull = _event()["pull_request"]
    return Subject(
        purpose=purpose,
        commit=pull["head"]["sha"],
        pull_request=str(pull["number"]),
        branch=pull["head"]["ref"],
        author=pull["user"]["login"],
    )


def _event() -> dict[str, dict[str, dict[str, str]]]:
    return dict(json.loads(Path(_variable("GITHUB_EVENT_PATH")).read_text()))


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Invalid(f"The environment variable {name} is not set: this command runs inside a GitHub workflow.")
    return value
